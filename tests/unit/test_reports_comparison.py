import io
from collections.abc import Iterator
from pathlib import Path

import example_comparisons
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from reports import comparison_figure, drawing
from reports.comparison import base_text, order_of, reading_notes, sentences, table_rows
from scenarios.comparison import Comparison
from scenarios.result import Kpi

BOTH = example_comparisons.two_variants()
SAME = example_comparisons.no_difference()


@pytest.fixture(autouse=True)
def in_style() -> Iterator[None]:
    with drawing.style():
        yield


def test_what_a_campaign_is_judged_by_comes_first() -> None:
    assert order_of(BOTH) == [
        "orders", "cac_usd", "account_ban_rate", "accounts_banned", "send_duration_s", "messages_sent", "click_rate"
    ]  # fmt: skip


def test_the_table_says_how_much_and_whether_it_can_be_told() -> None:
    rows = {
        row.label: (row.base, *(" ".join(cell).strip() for cell in row.cells)) for row in table_rows(BOTH)
    }
    assert rows == {
        "Orders": ("63.0 orders", "the same", "higher +7.3 (+5.6 to +9.1)"),
        "CAC": ("1.33 USD", "the same", "unclear −0.020 (−0.050 to +0.010)"),
        "Account ban rate": ("1.20 % per 30 days", "higher +0.209 points", "the same"),
        "Accounts banned": ("0 accounts", "the same", "unclear +0.05 (−0.05 to +0.15)"),
        "Send duration": ("5 h 9 min", "lower −4.583 (−4.602 to −4.565) min", "the same"),
        "Click rate": ("8.32 %", "the same", "higher +0.90 (+0.83 to +0.97) points"),
    }


def test_rounding_does_not_lend_digits_to_an_exact_figure() -> None:
    assert base_text(Kpi(0.012, 0.012 - 1e-17, 0.012 + 1e-17, "fraction per 30 days")) == "1.20 % per 30 days"


def test_each_difference_that_can_be_told_has_a_sentence() -> None:
    assert sentences(BOTH) == [
        "fast raises account ban rate by 0.209 points per 30 days: 17.4 % of the base's 1.20 % per 30 days.",
        "fast lowers send duration by 4.583 (4.565 to 4.602) min: 1.48 % of the base's 5 h 9 min.",
        "click raises orders by 7.3 (5.6 to 9.1) orders: 11.6 % of the base's 63.0 orders.",
        "click raises click rate by 0.90 (0.83 to 0.97) points: 10.8 % of the base's 8.32 %.",
    ]


def test_a_variant_without_a_difference_says_so() -> None:
    assert sentences(SAME) == ["same: every KPI is the same as the base's in every replication."]
    unsure = example_comparisons.comparison(odd={"orders": (1.0, -2.0, 4.0)})
    assert sentences(unsure) == ["odd: no KPI can be told from the base's with 20 replications."]
    assert table_rows(SAME) == []


def test_a_difference_too_small_to_decide_by_is_negligible() -> None:
    tiny = example_comparisons.comparison(early={"cac_usd": (1e-6, 0.9e-6, 1.1e-6)})
    assert [(row.label, row.cells) for row in table_rows(tiny)] == [("CAC", [("negligible", "")])]
    assert sentences(tiny) == ["early: no KPI can be told from the base's with 20 replications."]
    assert comparison_figure.marks_of(tiny) == {}


def test_a_difference_from_none_has_no_share() -> None:
    worse = example_comparisons.comparison(worse={"accounts_banned": (2.0, 1.0, 3.0)})
    assert sentences(worse) == [
        "worse raises accounts banned by 2.0 (1.0 to 3.0) accounts: on the base's 0 accounts."
    ]


def test_the_notes_state_the_adjustment_and_what_is_the_same() -> None:
    pairs, level, same = reading_notes(BOTH)
    assert "20 pairs" in pairs
    assert "97.5 %" in level
    assert "95 % (Bonferroni)" in level
    assert same == "The same in every pair: messages sent."
    assert reading_notes(SAME)[1] == "Intervals hold with 95 %."


# ---------------------------------------------------------------- figure


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_the_figure_draws_what_differs_and_names_units_and_base() -> None:
    text = words(comparison_figure.draw(BOTH)).replace("\n", " ")
    for part in (
        "Orders 63.0 orders",
        "Send duration 5 h 9 min",
        "difference from bulk_send (% of its mean",
        "fast",
        "click",
    ):
        assert part in text
    assert "Not drawn, since the base has none: accounts banned." in text
    assert "Messages sent 9" not in text


def test_marks_are_in_per_cent_of_the_base() -> None:
    marks = comparison_figure.marks_of(BOTH)
    assert list(marks) == ["orders", "cac_usd", "account_ban_rate", "send_duration_s", "click_rate"]
    (click,) = marks["orders"]  # fast has the same in every pair
    assert (click.variant, click.told) == (1, True)
    assert (click.value, click.low, click.high) == pytest.approx((730 / 63, 560 / 63, 910 / 63))


def test_told_differences_are_filled_and_coloured_and_others_hollow_and_grey() -> None:
    axes = comparison_figure.draw(BOTH).axes[0]
    marks = [line for line in axes.lines if line.get_marker() in comparison_figure.SHAPES]
    filled = [line for line in marks if line.get_markerfacecolor() != "white"]
    assert (len(marks), len(filled)) == (5, 4)
    assert {line.get_color() for line in filled} == set(comparison_figure.COLOURS[:2])
    assert {line.get_color() for line in marks if line not in filled} == {drawing.GREY}


WIDE: Comparison = example_comparisons.comparison(
    slow={"send_duration_s": (2e5, 1.99e5, 2.01e5), "orders": (-5.0, -7.0, -3.0)},
    **{f"variant-{n}": {"orders": (float(n), n - 30.0, n + 30.0)} for n in range(8)},
)


def named(length: int, variants: int) -> Comparison:
    names = [f"{number}{'a_long_name' * 30}"[:length] for number in range(variants)]
    return example_comparisons.comparison(**{name: {"orders": (2.0, 1.0, 3.0)} for name in names})


@pytest.mark.parametrize(
    "compared",
    [BOTH, SAME, WIDE, named(24, 12), named(33, 7), named(300, 2)],
    ids=["both", "same", "wide", "many", "longer", "longest"],
)
def test_nothing_is_cut_off(compared: Comparison) -> None:
    figure = comparison_figure.draw(compared)
    drawing.svg(figure)
    ink = figure.get_tightbbox()
    assert ink.x0 >= 0
    assert ink.y0 >= 0
    assert ink.x1 <= drawing.WIDE_PX / drawing.PX_PER_INCH
    assert ink.y1 <= figure.get_figheight()


def test_far_differences_get_a_logarithmic_axis_that_says_so() -> None:
    figure = comparison_figure.draw(WIDE)
    assert figure.axes[0].get_xscale() == "symlog"
    assert "logarithmic beyond" in words(figure)
    assert comparison_figure.draw(BOTH).axes[0].get_xscale() == "linear"


def test_files_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    one, two = (comparison_figure.write_figure(BOTH, tmp_path / name) for name in "ab")
    assert [path.name for path in one] == ["compare.svg", "compare.png"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert imread(io.BytesIO(one[1].read_bytes())).shape[1] == 2 * drawing.WIDE_PX
