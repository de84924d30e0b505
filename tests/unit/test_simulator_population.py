from pathlib import Path

import numpy as np
import pytest

from scenarios.errors import InputError
from scenarios.loading import Loaded, load
from simulator.customers.population import customers_of

HEADER = "phone,name,timezone,tags,consent,voucher\n"
ROWS = (
    "+19045550101,Ann,Europe/Paris,bought;newsletter,yes,A1\n"
    "+442079460125,Bob,America/New_York,newsletter,no,A2\n"
    "123,Cid,Europe/Paris,bought;vip,yes,\n"
)


def loaded(folder: Path, template: str, *settings: str) -> Loaded:
    file = folder / "contacts.csv"
    file.write_text(HEADER + ROWS, encoding="utf-8")
    return load("bulk_send", [f"population.contacts={file}", f'campaign.template="{template}"', *settings])


def test_columns_say_what_the_file_says(tmp_path: Path) -> None:
    people = customers_of(
        loaded(
            tmp_path,
            "Hi {name}, {voucher}",
            "population.size=3",
            "campaign.with_tags=['bought']",
            "campaign.without_tags=['vip']",
        )
    )
    assert people.zones == ("America/New_York", "Europe/Paris")
    assert people.zone.tolist() == [1, 0, 1]
    assert people.malformed.tolist() == [False, False, True]
    assert people.consent.tolist() == [True, False, True]
    assert people.audience.tolist() == [True, False, False]
    assert people.complete.tolist() == [True, True, False]  # no voucher, no fallback


def test_fewer_customers_are_the_first_rows(tmp_path: Path) -> None:
    people = customers_of(loaded(tmp_path, "Hi {name}", "population.size=2"))
    assert people.malformed.tolist() == [False, False]


def test_copies_of_a_unique_text_are_unique(tmp_path: Path) -> None:
    people = customers_of(loaded(tmp_path, "Hi {name}", "population.size=500"))
    assert len(np.unique(people.content)) == 500
    assert not people.shared.any()


def test_a_text_for_all_is_shared_by_copies_too(tmp_path: Path) -> None:
    people = customers_of(loaded(tmp_path, "Sale!", "population.size=500"))
    assert len(np.unique(people.content)) == 1
    assert people.shared.all()


def test_rows_drawn_again_are_drawn_evenly(tmp_path: Path) -> None:
    size = 30_000
    people = customers_of(loaded(tmp_path, "Sale!", f"population.size={size}"))
    # a third of the rows is malformed; six standard errors of a binomial share
    assert np.mean(people.malformed[3:]) == pytest.approx(1 / 3, abs=6 * (2 / 9 / size) ** 0.5)


def test_a_larger_population_begins_with_the_smaller_one(tmp_path: Path) -> None:
    small = customers_of(loaded(tmp_path, "Hi {name}", "population.size=100"))
    large = customers_of(loaded(tmp_path, "Hi {name}", "population.size=40000"))
    assert np.array_equal(small.zone, large.zone[:100])
    assert np.array_equal(small.content, large.content[:100])


def segmented(folder: Path, cells: tuple[str, str, str], *settings: str) -> Loaded:
    header, *rows = (HEADER + ROWS).splitlines()
    lines = [f"{header},segment"] + [f"{row},{cell}" for row, cell in zip(rows, cells, strict=True)]
    file = folder / "contacts.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    return load("bulk_send", [f"population.contacts={file}", *settings])


def test_without_segments_all_are_one(tmp_path: Path) -> None:
    people = customers_of(loaded(tmp_path, "Sale!", "population.size=3"))
    assert people.segments == ("all",)
    assert people.segment.tolist() == [0, 0, 0]


def test_segments_and_languages_come_from_the_file(tmp_path: Path) -> None:
    people = customers_of(segmented(tmp_path, ("vip", "new", "vip"), "population.size=3"))
    assert people.segments == ("new", "vip")
    assert people.segment.tolist() == [1, 0, 1]
    assert people.languages == ("en",)
    assert people.row.tolist() == [0, 1, 2]


def test_a_segment_of_the_file_that_the_scenario_lacks_is_named(tmp_path: Path) -> None:
    stated = 'population.segments=[{name="vip"}, {name="new"}]'
    with pytest.raises(InputError, match=r"segment: found 'vpi'.*did you mean 'vip'"):
        customers_of(segmented(tmp_path, ("vip", "new", "vpi"), stated))


def test_customers_take_the_bytes_that_the_docs_say() -> None:
    people = customers_of(load("bulk_send"))
    columns = [column for column in people if isinstance(column, np.ndarray)]
    assert sum(column.itemsize for column in columns) == 23
    docs = Path(__file__).parents[2] / "docs" / "population.md"
    assert "| **`Customers`**, the same in all replications | 23 |" in docs.read_text(encoding="utf-8")


def test_stated_shares_are_drawn(tmp_path: Path) -> None:
    stated = 'population.segments=[{name="vip", share=0.2}, {name="new", share=0.8}]'
    people = customers_of(loaded(tmp_path, "Sale!", "population.size=50000", stated))
    assert people.segments == ("vip", "new")
    assert np.mean(people.segment == 0) == pytest.approx(0.2, abs=5 * (0.16 / 50_000) ** 0.5)


@pytest.mark.parametrize(
    ("segments", "text"),
    [
        ('[{name="a", share=0.5}, {name="b"}]', "b has no share"),
        ('[{name="a", share=0.5}, {name="b", share=0.4}]', "add up to 0.9"),
        ('[{name="a"}, {name="a"}]', "'a' is stated twice"),
        ('[{name="a", share=0.0}]', "population.segments"),
    ],
)
def test_segments_that_contradict_each_other_are_refused(segments: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        load("bulk_send", [f"population.segments={segments}"])
