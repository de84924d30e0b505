"""docs/contacts.md and docs/conversations.md say what the code does."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from scenarios.schema import Tagging, Team
from server.app import ROUTES
from server.dispatch.filters import EVENT_WORDS, parse

DOCS = Path(__file__).parents[2] / "docs"
CONTACTS, CONVERSATIONS = ((DOCS / f"{name}.md").read_text("utf-8") for name in ("contacts", "conversations"))


def blocks(text: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("line", blocks(CONTACTS)[0].splitlines())
def test_the_filters_shown_are_filters(line: str) -> None:
    parse(line)


@pytest.mark.parametrize(
    "cell", re.findall(r"^\| (`[^|]*`) \| (?:carry|did|have|how)", CONTACTS, re.MULTILINE)
)
def test_the_conditions_of_the_table_are_conditions(cell: str) -> None:
    for condition in re.findall("`([^`]+)`", cell):
        parse(condition)


def test_every_event_is_named() -> None:
    assert all(f"`{event}`" in CONTACTS for event in EVENT_WORDS)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`(?:GET|POST) (/[a-z/{}]+)", CONTACTS + CONVERSATIONS)))
)
def test_every_route_named_exists(path: str) -> None:
    assert path in {route.path.replace(":int", "") for route in ROUTES}


def test_the_rules_shown_are_the_scenario_s() -> None:
    (text,) = blocks(CONTACTS, "toml")
    assert msgspec.convert(tomllib.loads(text)["tagging"], Tagging).standing_rules
    (teams,) = blocks(CONVERSATIONS, "toml")
    assert msgspec.convert(tomllib.loads(teams)["replies"]["teams"], list[Team])
