import html
import math
import re
from pathlib import Path

import matplotlib
import msgspec
import numpy as np
import pytest
from matplotlib.image import imread
from msgspec import UNSET

from reports import drawing
from reports.page import write_report
from reports.run import run_of
from reports.tables import kpi_rows
from scenarios import result
from scenarios.errors import InputError
from scenarios.provenance import Row
from scenarios.result import Result, kpi

EVIL = "<script>alert('x')</script> & \"quotes\""


@pytest.fixture(scope="module")
def written(
    simulated: Result, measured: Result, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    page = write_report([simulated, measured], tmp_path_factory.mktemp("report"))
    return page, page.read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What a reader sees: tags off, entities resolved, white space folded."""
    body = page.partition("</style>")[2].replace("<wbr>", "")
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_the_page_stands_alone(written: tuple[Path, str]) -> None:
    assert written[0].name == "report.html"
    assert "<script" not in written[1]
    assert '<link rel="stylesheet' not in written[1]
    assert set(re.findall(r'(?:src|srcset|href)="([a-z]+:|#)', written[1])) == {"data:", "#"}


def test_every_kpi_stands_with_its_unit_and_interval(written: tuple[Path, str], simulated: Result) -> None:
    text = text_of(written[1])
    for row in kpi_rows(run_of([simulated])):
        cells = [row.name, row.definition, row.unit, row.predicted.value, row.predicted.interval]
        assert re.search(".*?".join(re.escape(cell) for cell in cells), text), row.name


def test_predicted_stands_beside_measured(written: tuple[Path, str]) -> None:
    head, row = (
        "KPI Unit Predicted Measured Difference",
        "ms 10.40 10.10 to 10.70 13.7 13.1 to 14.2 +3.3 (+32 %)",
    )
    assert head in text_of(written[1])
    assert row in text_of(written[1])


def test_every_parameter_stands_with_its_source(written: tuple[Path, str], simulated: Result) -> None:
    text = text_of(written[1])
    for row in simulated.provenance.values():
        assert row.path in text
        assert re.sub(r"\s+", " ", row.source) in text


def test_every_figure_is_on_the_page_and_in_two_files(written: tuple[Path, str]) -> None:
    page, markup = written
    files = sorted(path.name for path in (page.parent / "figures").iterdir())
    assert len(files) == 16
    assert markup.count("<img ") == markup.count("<source ") == 8
    assert len(re.findall(r'<img [^>]*alt="[^"]{40,}"', markup)) == 8
    for path in (page.parent / "figures").glob("*.png"):
        assert np.mean(imread(path)[..., :3] < 0.9) > 0.01, path.name
    for path in (page.parent / "figures").glob("*.svg"):
        assert path.read_text(encoding="utf-8").count("<path") > 20, path.name


def test_verdicts_are_told_in_words(written: tuple[Path, str]) -> None:
    text = text_of(written[1])
    assert "1 of 9 checks missed." in text
    assert text.count("✗ missed") == 1
    assert text.count("✓ met") == 8


def test_same_results_give_the_same_bytes_also_from_their_files(
    written: tuple[Path, str], simulated: Result, measured: Result, tmp_path: Path
) -> None:
    read_back = [result.read(result.write(each, tmp_path / each.kind)) for each in (measured, simulated)]
    again = write_report(read_back, tmp_path)
    for path in [written[0], *(written[0].parent / "figures").iterdir()]:
        twin = again.parent / path.relative_to(written[0].parent)
        assert twin.read_bytes() == path.read_bytes(), path.name


def test_text_of_users_is_escaped(measured: Result, tmp_path: Path) -> None:
    rows = {
        path: Row(path, EVIL, EVIL, EVIL, EVIL) for path in ("title", "campaign.template", f"campaign.{EVIL}")
    }
    evil = msgspec.structs.replace(measured, scenario=EVIL, provenance=rows, distributions={})
    page = write_report([evil], tmp_path).read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count(html.escape("<script>")) >= 10


def test_a_result_with_nothing_in_it_still_gives_a_page(tmp_path: Path) -> None:
    nothing = Result(kind="load", scenario="empty", seed=1, replications=1, horizon_s=0.0, kpis={})
    text = text_of(write_report([nothing], tmp_path).read_text(encoding="utf-8"))
    for words in (
        "This run has no KPIs",
        "no parameters",
        "None were judged",
        "is not shown: there is no load",
    ):
        assert words in text
    assert list((tmp_path / "figures").iterdir()) == []


def test_not_a_number_and_one_replication_are_said(simulated: Result, tmp_path: Path) -> None:
    kpis = simulated.kpis | {"cac_usd": kpi("cac_usd", math.nan), "orders": kpi("orders", 0.0)}
    poor = msgspec.structs.replace(simulated, replications=1, kpis=kpis, series={}, distributions={})
    text = text_of(write_report([poor], tmp_path).read_text(encoding="utf-8"))
    assert "One replication only: predicted." in text
    assert "no value" in text


def test_a_failed_render_leaves_the_old_page(
    simulated: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = msgspec.structs.replace(simulated, series={}, distributions={})
    page = write_report([small], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fail(figure: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(drawing, "png", fail)
    with pytest.raises(MemoryError):
        write_report([msgspec.structs.replace(small, seed=2)], tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert page in before


def test_figures_of_an_earlier_run_do_not_linger(simulated: Result, tmp_path: Path) -> None:
    without_series = msgspec.structs.replace(simulated, series={}, survival=UNSET)
    write_report([without_series], tmp_path)
    write_report([msgspec.structs.replace(without_series, distributions={})], tmp_path)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["funnel.png", "funnel.svg"]


def test_no_results_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_report([], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_matplotlib_keeps_its_settings(measured: Result, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    write_report([msgspec.structs.replace(measured, distributions={})], tmp_path)
    assert dict(matplotlib.rcParams) == before
