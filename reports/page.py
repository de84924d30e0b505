"""One self-contained HTML page for a run, and its figures as files."""

import base64
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports import drawing, figures, summary, tables
from reports.figures.pictures import Absent, Picture
from reports.numbers import plain, quantity
from reports.run import WORDS, Run, run_of
from scenarios import documents
from scenarios.result import Result

UNIT_SPACE = re.compile(r"(?<=\d) (?=(?:%|ms|s|min|h|d|USD)(?!\w))")
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
FILE_NAME = "report.html"


def _tied(text: str) -> str:
    """No line break between a figure and its unit."""
    return UNIT_SPACE.sub("\N{NO-BREAK SPACE}", text)


def _breakable(name: str) -> Markup:
    """A line break is allowed after each part of a name."""
    return Markup(re.sub(r"[._]", r"\g<0><wbr>", str(escape(name))))


TEMPLATES.filters |= {"tied": _tied, "breakable": _breakable}


class Drawn(NamedTuple):
    """A picture as bytes: for the page at two widths, and for other documents as PNG."""

    picture: Picture
    wide_svg: bytes
    narrow_svg: bytes
    png: bytes


def write_report(results: Sequence[Result], folder: Path) -> Path:
    """Write `folder/report.html` and `folder/figures/NAME.svg` and `.png`; return the page's path.

    `results` are those of one run: a simulation, a load test of the same scenario, or both (InputError
    otherwise). The same results give the same bytes. Everything is rendered before the first file is written,
    and each file is replaced whole.
    """
    run = run_of(results)
    with drawing.style():
        shown = [_drawn(picture) for picture in figures.all_of(run)]
    page = _page(run, shown)
    _write_figures(shown, folder / "figures")
    return documents.write(page.encode(), folder, FILE_NAME)


def _drawn(picture: Picture | Absent) -> Drawn | Absent:
    if isinstance(picture, Absent):
        return picture
    wide, narrow = picture.draw(drawing.WIDE_PX), picture.draw(drawing.NARROW_PX)
    return Drawn(picture, drawing.svg(wide), drawing.svg(narrow), drawing.png(wide))


def _write_figures(shown: Sequence[Drawn | Absent], folder: Path) -> None:
    """A figure that these results cannot give also takes its files of an earlier run away."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in shown:
        if isinstance(each, Absent):
            for suffix in ("svg", "png"):
                (folder / f"{each.name}.{suffix}").unlink(missing_ok=True)
            continue
        documents.write(each.wide_svg, folder, f"{each.picture.name}.svg")
        documents.write(each.png, folder, f"{each.picture.name}.png")


def _page(run: Run, shown: Sequence[Drawn | Absent]) -> str:
    verdicts = tables.verdict_rows(run)
    return TEMPLATES.get_template("page.html.j2").render(
        scenario=run.scenario,
        title=str(run.parameter("title") or run.scenario),
        question=_question(run),
        summary=[line.partition(": ")[::2] for line in summary.lines(run.results)],
        verdicts=verdicts,
        missed=sum(not verdict.met for verdict in verdicts),
        pictures=[_for_page(each) for each in shown if isinstance(each, Drawn)],
        absent=[each for each in shown if isinstance(each, Absent)],
        both=len(run.results) == 2,
        kinds=[WORDS[result.kind] for result in run.results],
        kpis=tables.kpi_rows(run),
        tiers=tables.tier_rows(run),
        single=[WORDS[result.kind] for result in run.results if result.replications == 1],
        confidence=_confidence(run),
        sections=tables.sections(run),
        how_made=tables.how_made(run, _version()),
    )


def _question(run: Run) -> str:
    ask = []
    if run.predicted is not None:
        size = run.number("population.size")
        people = f" to {plain(size)} customers" if size is not None else ""
        ask.append(f"What happens if this campaign is sent{people}?")
    if run.measured is not None:
        at_once = run.number("conversations.at_once")
        load = f"{plain(at_once)} conversations at once" if at_once is not None else "its conversations"
        ask.append(f"Does the server hold {load}?")
    return " ".join(ask)


def _confidence(run: Run) -> str:
    level = run.number("experiment.confidence")
    return "" if level is None else quantity(level, "fraction")


def _for_page(drawn: Drawn) -> dict[str, object]:
    return {
        "picture": drawn.picture,
        "wide": _data_url(drawn.wide_svg),
        "narrow": _data_url(drawn.narrow_svg),
    }


def _data_url(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _version() -> str:
    try:
        return version("wavetank")
    except PackageNotFoundError:
        return "run from its source folder"
