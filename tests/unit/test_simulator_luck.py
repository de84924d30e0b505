import numpy as np
import pytest
from scipy import stats

from simulator.luck import DECISIONS, Dense, FurtherRows, SparseRows, keyed_words, philox4x32, unit
from simulator.streams import BLOCK, Purpose

MOST = 0xFFFFFFFF


def word(value: int) -> np.ndarray:
    return np.array([value], np.uint64)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((MOST,) * 4, (MOST, MOST), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_words_that_its_authors_publish(
    counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]
) -> None:
    a, b, c, d = (word(value) for value in counter)
    assert tuple(int(found[0]) for found in philox4x32((a, b, c, d), key)) == expected


def test_a_customers_numbers_do_not_depend_on_who_else_is_asked_for() -> None:
    some = np.array([3, BLOCK + 5, 2 * BLOCK + 1], np.int32)
    everyone = np.arange(2 * BLOCK + 2, dtype=np.int32)
    for luck_of in (
        lambda who: Dense(7, 1, 2 * BLOCK + 2).of(4, who),
        lambda who: SparseRows(7, 1, 4, who, None),
    ):
        few, all_of_them = luck_of(some), luck_of(everyone)
        for decision in DECISIONS:
            assert np.array_equal(few(decision), all_of_them(decision)[some])
            assert np.array_equal(few(decision, np.array([1])), few(decision)[1:2])


def test_numbers_are_the_same_after_others_were_looked_at() -> None:
    who, dense = np.arange(100, dtype=np.int32), Dense(7, 1, 100)
    first = dense.of(0, who)("read")
    for exposure in range(1, 20):
        dense.of(exposure, who)
    assert np.array_equal(dense.of(0, who)("read"), first)


@pytest.mark.parametrize("other", [(8, 1, 4), (7, 2, 4), (7, 1, 5)])
def test_seed_replication_and_exposure_all_tell_numbers_apart(other: tuple[int, int, int]) -> None:
    who = np.arange(2000, dtype=np.int32)
    for one, two in (
        (SparseRows(7, 1, 4, who, None)("read"), SparseRows(*other, who, None)("read")),
        (Dense(7, 1, 2000).of(4, who)("read"), Dense(*other[:2], 2000).of(other[2], who)("read")),
    ):
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.1


def test_turns_and_purposes_tell_numbers_apart() -> None:
    who = np.arange(2000, dtype=np.int32)
    turns = np.ones(2000, np.int32)
    base = SparseRows(7, 1, 4, who, None)("read")
    assert abs(np.corrcoef(base, SparseRows(7, 1, 4, who, turns)("read"))[0, 1]) < 0.1
    assert abs(np.corrcoef(base, FurtherRows(7, 1, 4, who, None)(who)[0])[0, 1]) < 0.1


@pytest.mark.parametrize("decision", DECISIONS)
def test_numbers_are_uniform(decision: str) -> None:
    who = np.arange(50_000, dtype=np.int32)
    for numbers in (SparseRows(7, 1, 4, who, None), Dense(7, 1, 50_000).of(4, who)):
        assert stats.kstest(numbers(decision), "uniform").pvalue > 1e-3


def test_a_word_becomes_a_number_below_one() -> None:
    assert unit(np.array([0, MOST], np.uint64)).tolist() == [0.0, 1 - 2**-24]
    words = keyed_words(2**63 - 1, 5, 2**32 - 1, Purpose.RARE, np.array([2**31 - 1]))
    assert all(0 <= int(one[0]) <= MOST for one in words)
