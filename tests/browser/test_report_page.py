"""The report in a real browser: headless Chromium, nothing but files."""

import re
from pathlib import Path

import pytest
from browsing import browse, need_chromium, probe

from reports.page import write_report
from scenarios.result import Result


@pytest.fixture(scope="module")
def page(simulated: Result, measured: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_chromium()
    return write_report([simulated, measured], tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_the_page_fits_its_window_and_loads_its_images(page: Path, width: int, tmp_path: Path) -> None:
    found = probe(page, width, tmp_path)
    assert found["scroll_width"] <= width
    assert found["too_wide"] == []
    assert found["images"] == 8
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
