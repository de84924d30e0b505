"""docs/network.md says what the code does."""

import re
from pathlib import Path

from server.network import errors, rules
from server.network.limits import Assumed

TEXT = (Path(__file__).parents[2] / "docs" / "network.md").read_text(encoding="utf-8")


def test_the_example_runs_and_its_message_is_accepted() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "docs/network.md", "exec"), names)
    assert names["decision"].code is None  # type: ignore[attr-defined]


def test_the_codes_that_come_by_webhook_are_named() -> None:
    (named,) = re.findall(r"By webhook, after the message was accepted: ([\d, ]+)\.", TEXT)
    by_webhook = {code for code, place in errors.places().items() if place == "webhook"}
    assert {int(code) for code in named.split(", ")} == by_webhook


def test_defaults_and_dates_are_those_of_the_code() -> None:
    assert f"`Assumed.pair_reading` | `{Assumed().pair_reading}`" in TEXT
    assert f"`Assumed.tier_code` | {Assumed().tier_code}" in TEXT
    for dated in rules.PRICING[1:]:
        assert f"| {dated.since} |" in TEXT
    assert all(f"`{name}`" in TEXT for name in errors.PROFILES)
