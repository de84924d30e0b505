from pathlib import Path

import numpy as np
import pytest

from scenarios.loading import Loaded, load
from simulator.population import customers_of, engagement_table, hidden_of

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


@pytest.mark.parametrize(("a", "b"), [(2.0, 2.0), (0.5, 3.0), (30.0, 5.0)])
def test_engagement_has_the_moments_of_its_beta(a: float, b: float) -> None:
    size = 200_000
    drawn = hidden_of(1, 1, size, engagement_table(a, b), 0.0).engagement
    mean, variance = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
    assert np.mean(drawn) == pytest.approx(mean, abs=5 * (variance / size) ** 0.5 + 1e-4)
    assert np.var(drawn) == pytest.approx(variance, rel=0.03)


def test_unregistered_share_is_the_parameter() -> None:
    size = 200_000
    hidden = hidden_of(1, 1, size, engagement_table(2, 2), 0.025)
    error = (0.025 * 0.975 / size) ** 0.5
    assert np.mean(~hidden.registered) == pytest.approx(0.025, abs=5 * error)


def test_replications_have_other_customers() -> None:
    table = engagement_table(2, 2)
    first, second = (hidden_of(1, number, 1000, table, 0.5) for number in (1, 2))
    assert not np.array_equal(first.engagement, second.engagement)
    assert not np.array_equal(first.registered, second.registered)
