"""Headless Chromium: what it makes of a page, and what the page measures of itself at a width."""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

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


def need_chromium() -> None:
    """Skip where there is no browser; CI must have one."""
    if CHROMIUM is None:
        assert os.environ.get("CI") != "true", "CI must have chromium for the browser tests"
        pytest.skip("chromium is not installed")


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
