import asyncio
from collections.abc import Sequence

import pytest

from server.contacts import numbers
from server.contacts.numbers import Numbers

GOOD = [f"+1415555{line:04d}" for line in range(40)]


def test_numbers_come_out_in_order_with_none_for_what_is_none() -> None:
    texts = ["14155550100", "12345", "+14155550100", "14155550100"]
    found = asyncio.run(Numbers().all_normal(texts))
    assert found == ["+14155550100", None, "+14155550100", "+14155550100"]


def test_many_unknown_numbers_are_checked_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "MANY", 10)

    async def both() -> tuple[list[str | None], list[str | None]]:
        one = Numbers()
        return await one.all_normal(GOOD), await one.all_normal(GOOD)

    assert asyncio.run(both()) == (GOOD, GOOD)


def test_contacts_are_not_checked_again_and_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "FEW", 3)
    asked: list[str] = []

    def are_contacts(given: Sequence[str]) -> list[bool]:
        asked.extend(given)
        return [text == "+5" for text in given]

    texts = ["+5", "+05", "5", "14155550100"]
    one = Numbers(are_contacts)
    assert asyncio.run(one.all_normal(texts)) == ["+5", None, None, "+14155550100"]
    assert asked == texts
    asyncio.run(one.all_normal(texts))
    assert asked[4:] == texts[:3]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "REMEMBERED", 16)
    one = Numbers()
    assert [one.normal(text) for text in GOOD] == GOOD
    assert len(one._valid) <= 16
