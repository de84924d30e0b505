"""What the scenario's customers write: conversation number n of a seed is the same in every run."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from scenarios.contacts import Contact
from scenarios.schema import Script

STREAM = 2**32  # conversation numbers of one seed; more never happen in one run


class Message(NamedTuple):
    text: str
    expect: str  # intent that must answer it, or escalated, opted_out, unmatched
    pause_s: float  # from the server's answer to the customer's next message, or to leaving


class Conversation(NamedTuple):
    number: int
    customer: str  # E.164
    kind: str
    messages: tuple[Message, ...]


def customers_of(contacts: Sequence[Contact], seed: int) -> list[str]:
    """The numbers of the valid, consenting contacts, each once, in an order fixed by the seed."""
    numbers = list(dict.fromkeys(c.e164 for c in contacts if c.e164 is not None and c.consent))
    random.Random(seed).shuffle(numbers)
    return numbers


def made_up_number(index: int) -> str:
    """A well-formed number that nobody has, for customers beyond the contact file: 0 <= index < 10**10.

    +878 is the country code of Universal Personal Telecommunications, which was never taken into use.
    """
    return f"+87810{index:010d}"


def conversation(
    scripts: Sequence[Script], customers: Sequence[str], think_time_mean_s: float, seed: int, number: int
) -> Conversation:
    """Conversation `number` (from 0): its script by share, its wordings, and its pauses (exponential)."""
    draw = random.Random(seed * STREAM + number)
    script = draw.choices(scripts, [script.share for script in scripts])[0]
    messages = tuple(
        Message(draw.choice(turn.says), turn.expect, draw.expovariate(1 / think_time_mean_s))
        for turn in script.turns
    )
    known = number < len(customers)
    customer = customers[number] if known else made_up_number(number - len(customers))
    return Conversation(number, customer, script.kind, messages)


def meaning(answer: dict[str, object]) -> str:
    """What the server took a message for: the intent that it answered, else what it did instead."""
    action = answer.get("action")
    return str(answer.get("intent") if action == "answered" else action)
