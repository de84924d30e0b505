"""A comparison in words: the rows of its table, and a sentence for each difference that can be told."""

from typing import NamedTuple

from reports.numbers import decimals, duration, estimate, number, plain, quantity, scale
from reports.tables import label
from scenarios.comparison import Best, Comparison, Difference
from scenarios.result import Kpi

# What a campaign is judged by comes first; other KPIs follow in the order of the document.
PRIMARY = (
    "orders",
    "revenue_usd",
    "cost_usd",
    "roi",
    "cac_usd",
    "account_ban_rate",
    "accounts_banned",
    "opt_out_rate",
    "block_rate",
    "complaint_rate",
    "send_duration_s",
    "messages_unsent",
    "messages_delivered",
)


SAME, NEGLIGIBLE, UNCLEAR, UNDEFINED = "the same", "negligible", "unclear", "undefined"
SMALL = 1e-5  # of the base's mean: what lies within is nothing to decide by
POINTS = "points"  # of percentages
NARROW = 1e-9  # of its value: an interval without width but for rounding


class Cell(NamedTuple):
    """One difference: a word of `word`, and `+6.2 (+4.1 to +8.3)`, with a unit if it is not the base's."""

    word: str
    figures: str


class Row(NamedTuple):
    """A KPI, what the base has of it with its unit, and a cell for each variant."""

    label: str
    base: str
    cells: list[Cell]


def order_of(comparison: Comparison) -> list[str]:
    """Names of the base's KPIs, primary ones first."""
    first = [name for name in PRIMARY if name in comparison.base]
    return first + [name for name in comparison.base if name not in first]


def differing(comparison: Comparison) -> list[str]:
    """Those of them that are not the same in every replication of every variant."""
    return [
        name
        for name in order_of(comparison)
        if any(
            word(each.differences.get(name), comparison.base[name]) != SAME
            for each in comparison.variants.values()
        )
    ]


def table_rows(comparison: Comparison) -> list[Row]:
    """A row for each KPI that differs."""
    return [_row(comparison, name, comparison.base[name]) for name in differing(comparison)]


def _row(comparison: Comparison, name: str, base: Kpi) -> Row:
    found = [each.differences.get(name) for each in comparison.variants.values()]
    return Row(label(name), base_text(base), [_cell(one, base) for one in found])


def _cell(difference: Difference | None, base: Kpi) -> Cell:
    what = word(difference, base)
    return Cell(what, "" if difference is None or what in (SAME, NEGLIGIBLE) else _signed(difference))


def base_text(base: Kpi) -> str:
    """`63 orders`, `1.20 % per 30 days`, `5 h 9 min`."""
    if base.unit == "s":
        return duration(base.value)
    if base.high - base.low <= NARROW * abs(base.value):
        base = Kpi(base.value, base.value, base.value, base.unit)
    shown = scale(base.unit, base.value)
    return f"{estimate(base, shown)[0]} {shown.unit}"


def word(difference: Difference | None, base: Kpi) -> str:
    """`higher` or `lower` if that can be told and is not negligible; `the same` where every pair is equal."""
    if difference is None:
        return UNDEFINED
    furthest = max(abs(difference.low), abs(difference.high))
    if furthest == 0:
        return SAME
    if furthest < SMALL * abs(base.value):
        return NEGLIGIBLE
    if not difference.distinguishable:
        return UNCLEAR
    return "higher" if difference.value > 0 else "lower"


def _signed(difference: Difference) -> str:
    value, low, high, unit = _figures(difference, 1.0, "+")
    suffix = POINTS if unit.startswith(POINTS) else unit if difference.unit == "s" else ""
    return f"{value} ({low} to {high}) {suffix}".rstrip() if low else f"{value} {suffix}".rstrip()


def _figures(difference: Difference, sign: float, plus: str) -> tuple[str, str, str, str]:
    """(value, low, high, unit) times `sign`; low and high are empty for an interval without width."""
    shown = scale(difference.unit, difference.value)
    unit = shown.unit.replace("%", POINTS, 1) if shown.unit.startswith("%") else shown.unit
    value, one, other = (sign * shown.factor * x for x in (difference.value, difference.low, difference.high))
    low, high = sorted((one, other))
    if high - low <= NARROW * abs(value):
        return _number(value, decimals(value, 0.0), plus), "", "", unit
    places = decimals(value, (high - low) / 2)
    return *(_number(x, places, plus) for x in (value, low, high)), unit  # type: ignore[return-value]


def _number(value: float, places: int, plus: str) -> str:
    text = number(value, places)
    return f"{plus}{text}" if value > 0 and text.strip("0.,") else text


def sentences(comparison: Comparison) -> list[str]:
    """A plain sentence for each difference that can be told; one for a variant without any."""
    return [line for name in comparison.variants for line in _of_variant(comparison, name)]


def _of_variant(comparison: Comparison, variant: str) -> list[str]:
    differences = comparison.variants[variant].differences
    words = {name: word(differences.get(name), comparison.base[name]) for name in order_of(comparison)}
    told = [name for name, each in words.items() if each in ("higher", "lower")]
    if told:
        return [_sentence(variant, name, comparison.base[name], differences[name]) for name in told]
    if set(words.values()) <= {SAME, UNDEFINED}:
        return [f"{variant}: every KPI is the same as the base's in every replication."]
    return [f"{variant}: no KPI can be told from the base's with {comparison.replications} replications."]


def _sentence(variant: str, name: str, base: Kpi, difference: Difference) -> str:
    verb, sign = ("raises", 1.0) if difference.value > 0 else ("lowers", -1.0)
    value, low, high, unit = _figures(difference, sign, "")
    interval = f" ({low} to {high})" if low else ""
    share = f"{plain(100 * abs(difference.value / base.value))} % of " if base.value else "on "
    what = f"{in_sentence(name)} by {value}{interval} {unit}"
    return f"{variant} {verb} {what}: {share}the base's {base_text(base)}."


def best_sentence(best: Best, unit: str) -> str:
    """Which one is best and what that is worth, or which may still be; how many replications it took."""
    asked = f"{'lowest' if best.lowest else 'highest'} {in_sentence(best.kpi)}"
    margin = quantity(best.indifference, unit)
    runs = ", ".join(f"{name} {count:,}" for name, count in best.replications.items())
    if best.chosen is None:
        return (
            f"No {asked} could be chosen within {best.budget:,} replications: still possible are "
            f"{', '.join(best.standing)}. Raise --max-replications or --indifference. Replications: {runs}."
        )
    mean = quantity(best.means[best.chosen], unit)
    return (
        f"{best.chosen} has the {asked}: {mean}. If any leads all others by {margin}, it is this one with at "
        f"least {plain(100 * best.confidence)} % probability. Replications: {runs}."
    )


def in_sentence(name: str) -> str:
    """A KPI's label within a sentence: `orders`, `ROI`."""
    text = label(name)
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def reading_notes(comparison: Comparison) -> list[str]:
    """How the differences and their intervals are to be read; which KPIs do not differ at all."""
    level, each = (plain(100 * x, 4) for x in (comparison.confidence, comparison.adjusted_confidence))
    notes = [
        f"Differences are variant − base in {comparison.replications} pairs of replications with equal luck.",
        f"Intervals hold with {level} %."
        if comparison.family == 1
        else f"Each interval holds with {each} %, so that the {comparison.family} variants' intervals for "
        f"one KPI hold together with {level} % (Bonferroni).",
    ]
    differ = set(differing(comparison))
    same = [in_sentence(name) for name in order_of(comparison) if name not in differ]
    return [*notes, f"The same in every pair: {', '.join(same)}."] if same else notes
