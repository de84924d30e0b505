"""The report in a real browser: headless Chromium, nothing but files."""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reports.page import write_report
from scenarios.result import Result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=10000",
]

# The page in a frame of so many CSS pixels (a window cannot be that narrow), every section open;
# then what it measures of itself, as text of the outer page.
PROBE = """<!doctype html><meta charset="utf-8"><title>probe</title>
<iframe style="border:0;width:{width}px;height:800px" srcdoc="{page}"></iframe><pre id="found"></pre>
<script>
const frame = document.querySelector("iframe");
frame.addEventListener("load", async () => {{
  const page = frame.contentDocument;
  page.querySelectorAll("details").forEach(each => each.open = true);
  const images = [...page.images];
  await Promise.all(images.map(each => each.decode().catch(() => null)));
  const wide = [...page.querySelectorAll("main *, header *")].filter(each =>
    each.getBoundingClientRect().right > {width} + 1 && !each.closest("thead"));
  document.getElementById("found").textContent = JSON.stringify({{
    scroll_width: page.documentElement.scrollWidth,
    too_wide: wide.map(each => each.outerHTML.slice(0, 80)),
    images: images.length,
    not_loaded: images.filter(each => !each.complete || each.naturalWidth === 0).length,
    image_widths: images.map(each => each.naturalWidth),
    smallest_px: Math.min(...[...page.querySelectorAll("main *")]
      .filter(each => each.childNodes.length && each.textContent.trim())
      .map(each => parseFloat(frame.contentWindow.getComputedStyle(each).fontSize))),
  }});
}});
</script>"""


@pytest.fixture(scope="module")
def page(simulated: Result, measured: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if CHROMIUM is None:
        assert os.environ.get("CI") != "true", "CI must have chromium for the browser tests"
        pytest.skip("chromium is not installed")
    return write_report([simulated, measured], tmp_path_factory.mktemp("report"))


def browse(url: str, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


def probe(page: Path, width: int, folder: Path) -> dict[str, Any]:
    outer = folder / "probe.html"
    outer.write_text(PROBE.format(width=width, page=html.escape(page.read_text(encoding="utf-8"))))
    dom = browse(outer.as_uri(), folder, "--dump-dom").stdout
    found = re.search(r'<pre id="found">(\{.*?\})</pre>', dom)
    assert found, "the probe did not finish"
    return dict(json.loads(html.unescape(found[1])))


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_the_page_fits_its_window_and_loads_its_images(page: Path, width: int, tmp_path: Path) -> None:
    found = probe(page, width, tmp_path)
    assert found["scroll_width"] <= width
    assert found["too_wide"] == []
    assert found["images"] == 7
    assert found["not_loaded"] == 0
    assert found["smallest_px"] >= 11


def test_a_phone_gets_figures_drawn_for_its_width(page: Path, tmp_path: Path) -> None:
    assert max(probe(page, 360, tmp_path)["image_widths"]) < 400
    assert min(probe(page, 1200, tmp_path)["image_widths"]) >= 690


def test_the_console_stays_empty(page: Path, tmp_path: Path) -> None:
    assert "CONSOLE" not in browse(page.as_uri(), tmp_path, "--dump-dom").stderr


def test_the_console_check_sees_an_error(tmp_path: Path, page: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text("<script>missing()</script>")
    assert "CONSOLE" in browse(broken.as_uri(), tmp_path, "--dump-dom").stderr


def test_the_page_prints_with_every_section_open(page: Path, tmp_path: Path) -> None:
    """Closed sections would leave a fraction of the pages: about 12 sheets with them, half without."""
    whole, closed = tmp_path / "whole.pdf", tmp_path / "closed.pdf"
    browse(page.as_uri(), tmp_path, f"--print-to-pdf={whole}")
    without = page.with_name("closed.html")
    without.write_text(page.read_text(encoding="utf-8").replace("content-visibility: visible", ""))
    browse(without.as_uri(), tmp_path, f"--print-to-pdf={closed}")
    assert sheets(whole) >= sheets(closed) + 3


def sheets(pdf: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))
