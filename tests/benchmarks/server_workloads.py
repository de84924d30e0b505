"""What the server's benchmarks send: a scenario with 500 accounts and 200 reply rules, and requests to it."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from http_load import request

TOKEN = "a token of the benchmarks"
AREAS = ("212", "312", "313", "404", "305", "617", "202", "215", "513", "615")
LETTERS, VOWELS = "bdfgklmnprstvz", "aeiou"
RULES, SYNONYMS = 200, 8
# Those that the scenario's conversations expect, then as many others as it takes.
INTENTS = ("greeting", "thanks", "price", "size", "order", "order_status", "complaint")
TEMPLATE = "Hi {name}, your order {order} left our house today."
STEP = 7_919  # prime: numbers in no order, as customers come


def phone(number: int) -> str:
    """The number of contact `number`, below 100,000: an exchange that is nobody's (555)."""
    return f"+1{AREAS[number % len(AREAS)]}555{number // len(AREAS):04d}"


def words(count: int) -> list[str]:
    """Different made-up words of 8 letters, always the same."""
    draw = random.Random(1)
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(draw.choice(LETTERS) + draw.choice(VOWELS) for _ in range(4))] = None
    return list(made)


def write_scenario(folder: Path, contacts: int) -> Path:
    """500 accounts, all warmed up; `contacts` contacts; 200 rules of 8 synonyms, fuzzy on."""
    rows = ["phone,name,timezone,tags,consent,voucher"]
    rows += [f"{phone(number)},Ada,America/New_York,bought,yes,V1" for number in range(contacts)]
    (folder / "speed.csv").write_text("\n".join(rows), encoding="utf-8")
    made = words(RULES * SYNONYMS)
    names = [*INTENTS, *(f"intent_{at}" for at in range(len(INTENTS), RULES))]
    rules = [
        f'  {{ intent = "{name}", keywords = {json.dumps(made[at * SYNONYMS : (at + 1) * SYNONYMS])}, '
        f'answer = "The answer to question {at}." }},'
        for at, name in enumerate(names)
    ]
    path = folder / "speed.toml"
    path.write_text(
        'extends = "bulk_send"\nname = "speed"\npopulation.contacts = "speed.csv"\n'
        f"population.size = {contacts}\naccounts.count = 500\naccounts.new_count = 0\n"
        "[replies]\nmax_per_hour = 1000\nrules = [\n" + "\n".join(rules) + "\n]\n",
        encoding="utf-8",
    )
    return path


def single_sends(contacts: int, path: str = "/send") -> Iterator[bytes]:
    """One personal message a request."""
    number = 0
    while True:
        body = {"template": TEMPLATE, "recipients": [_recipient(number, contacts)]}
        yield request(path, json.dumps(body).encode(), TOKEN)
        number += 1


def bulk_sends(contacts: int, size: int = 10_000, path: str = "/send") -> Iterator[bytes]:
    """`size` personal messages a request."""
    first = 0
    while True:
        recipients = [_recipient(number, contacts) for number in range(first, first + size)]
        yield request(path, json.dumps({"template": TEMPLATE, "recipients": recipients}).encode(), TOKEN)
        first += size


def _recipient(number: int, contacts: int) -> dict[str, object]:
    return {
        "to": phone(number * STEP % contacts),
        "variables": {"name": "Ada", "order": f"{number:08d}"},
    }


def replies(contacts: int) -> Iterator[bytes]:
    """80 % of the messages hold a keyword, 15 % one with two letters swapped, 5 % none."""
    draw = random.Random(2)
    known = words(RULES * SYNONYMS)
    number = 0
    while True:
        word, chance = draw.choice(known), draw.random()
        if chance >= 0.95:
            word = "weather"
        elif chance >= 0.8:
            word = word[:3] + word[4] + word[3] + word[5:]
        body = {
            "from": phone(number * STEP % contacts),
            "text": f"Hello, can you tell me about {word} please?",
            "message_id": f"m{number}",
        }
        yield request("/reply", json.dumps(body).encode(), TOKEN)
        number += 1
