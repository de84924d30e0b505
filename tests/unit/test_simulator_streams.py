import numpy as np
import pytest

from simulator.statistics.streams import BLOCK, Purpose, blocks, stream, uniforms


def test_same_key_gives_the_same_numbers() -> None:
    first = stream(1, 2, Purpose.BAN, 3, 4).random(10)
    assert np.array_equal(first, stream(1, 2, Purpose.BAN, 3, 4).random(10))


@pytest.mark.parametrize(
    "key",
    [
        (2, 2, Purpose.BAN, 3, 4),
        (1, 3, Purpose.BAN, 3, 4),
        (1, 2, Purpose.DELAYS, 3, 4),
        (1, 2, Purpose.BAN, 4, 4),
        (1, 2, Purpose.BAN, 3, 5),
    ],
)
def test_every_part_of_the_key_counts(key: tuple[int, int, Purpose, int, int]) -> None:
    assert not np.array_equal(stream(1, 2, Purpose.BAN, 3, 4).random(10), stream(*key).random(10))


def test_largest_seed_is_a_key() -> None:
    assert 0 <= stream(2**63 - 1, 100_000, Purpose.BAN).random() < 1


@pytest.mark.parametrize("size", [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_a_customers_number_does_not_depend_on_how_many_there_are(size: int) -> None:
    whole = uniforms(1, 1, Purpose.ENGAGEMENT, 3 * BLOCK)
    assert np.array_equal(uniforms(1, 1, Purpose.ENGAGEMENT, size), whole[:size])


def test_blocks_cover_every_customer_once() -> None:
    seen = np.zeros(2 * BLOCK + 5, int)
    for _, rows in blocks(len(seen)):
        seen[rows] += 1
    assert seen.tolist() == [1] * len(seen)
