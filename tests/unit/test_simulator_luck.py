import numpy as np
import pytest
from scipy import stats

from simulator.engine.luck import DECISIONS, Further, Messages, Numbers, keyed_words, philox4x32, unit
from simulator.statistics.streams import Purpose

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


def messages(who: np.ndarray, number: int = 4, turn: int = 0) -> Messages:
    size = len(who)
    return Messages(np.full(size, number, np.uint64), who, np.full(size, turn, np.int32))


def test_a_customers_numbers_do_not_depend_on_who_else_is_asked_for() -> None:
    some, everyone = np.array([3, 70, 201], np.int32), np.arange(202, dtype=np.int32)
    few, all_of_them = Numbers(7, 1, messages(some)), Numbers(7, 1, messages(everyone))
    for decision in DECISIONS:
        assert np.array_equal(few(decision), all_of_them(decision)[some])
        assert np.array_equal(few(decision, np.array([1])), few(decision)[1:2])
    further = Further(7, 1, messages(everyone))(some)
    assert np.array_equal(further, Further(7, 1, messages(some))(np.arange(3)))


@pytest.mark.parametrize("other", [(8, 1, 4, 0), (7, 2, 4, 0), (7, 1, 5, 0), (7, 1, 4, 1)])
def test_seed_replication_exposure_and_turn_all_tell_numbers_apart(other: tuple[int, int, int, int]) -> None:
    who = np.arange(2000, dtype=np.int32)
    seed, replication, number, turn = other
    one = Numbers(7, 1, messages(who))("read")
    two = Numbers(seed, replication, messages(who, number, turn))("read")
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.1


def test_decisions_and_purposes_tell_numbers_apart() -> None:
    who = np.arange(2000, dtype=np.int32)
    numbers = Numbers(7, 1, messages(who))
    found = [numbers(name) for name in DECISIONS] + [*Further(7, 1, messages(who))(who)]
    apart = np.corrcoef(found) - np.eye(len(found))
    assert np.abs(apart).max() < 0.1


@pytest.mark.parametrize("decision", DECISIONS)
def test_numbers_are_uniform(decision: str) -> None:
    who = np.arange(50_000, dtype=np.int32)
    assert stats.kstest(Numbers(7, 1, messages(who))(decision), "uniform").pvalue > 1e-3


def test_a_word_becomes_a_number_below_one() -> None:
    assert unit(np.array([0, MOST], np.uint64)).tolist() == [0.0, 1 - 2**-24]
    far = messages(np.array([2**31 - 1], np.int32), 2**32 - 1, 2**24 - 1)
    words = keyed_words(2**63 - 1, 5, Purpose.RARE, far)
    assert all(0 <= int(one[0]) <= MOST for one in words)
