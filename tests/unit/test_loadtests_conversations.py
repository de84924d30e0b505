from collections import Counter

import pytest

from loadtests.conversations import Conversation, conversation, customers_of, made_up_number, meaning
from scenarios.contacts import Contact, contacts_of, e164
from scenarios.loading import load

LOADED = load("bulk_send")
SCRIPTS = LOADED.scenario.conversations.scripts


def chats(count: int, seed: int = 1) -> list[Conversation]:
    return [conversation(SCRIPTS, ("+33199000001",), 5.0, seed, number) for number in range(count)]


def test_a_conversation_depends_on_seed_and_number_alone() -> None:
    assert chats(50) == list(
        reversed([conversation(SCRIPTS, ("+33199000001",), 5.0, 1, n) for n in range(49, -1, -1)])
    )
    assert chats(50) != chats(50, seed=2)


def test_scripts_are_drawn_by_share_and_all_wordings_are_used() -> None:
    drawn = chats(4_000)
    kinds = Counter(chat.kind for chat in drawn)
    for script in SCRIPTS:
        assert kinds[script.kind] / 4_000 == pytest.approx(script.share, abs=0.03)
    said = {(chat.kind, message.text) for chat in drawn for message in chat.messages}
    assert said == {(script.kind, says) for script in SCRIPTS for turn in script.turns for says in turn.says}


def test_pauses_are_exponential_with_the_scenarios_mean() -> None:
    pauses = [message.pause_s for chat in chats(4_000) for message in chat.messages]
    assert sum(pauses) / len(pauses) == pytest.approx(5.0, rel=0.05)
    assert sum(pause > 10.0 for pause in pauses) / len(pauses) == pytest.approx(0.1353, abs=0.015)  # exp(-2)


def test_customers_are_the_valid_consenting_contacts_each_once() -> None:
    contacts = contacts_of(LOADED)
    customers = customers_of(contacts, seed=1)
    expected = {contact.e164 for contact in contacts if contact.consent and contact.e164}
    assert len(customers) == len(set(customers)) == 8_900
    assert set(customers) == expected
    assert customers != customers_of(contacts, seed=2)
    assert customers == customers_of(contacts, seed=1)


def test_without_consent_or_with_a_malformed_number_nobody_writes() -> None:
    def contact(number: str | None, consent: bool) -> Contact:
        return Contact("x", number, "Europe/Paris", frozenset(), consent, {})

    numbers = [("+33199000001", True), ("+33199000002", False), (None, True), ("+33199000001", True)]
    assert customers_of([contact(*one) for one in numbers], seed=1) == ["+33199000001"]


def test_beyond_the_contact_file_customers_are_made_up_valid_and_distinct() -> None:
    drawn = chats(200)
    assert drawn[0].customer == "+33199000001"
    assert len({chat.customer for chat in drawn}) == 200
    assert all(e164(chat.customer) == chat.customer for chat in drawn)
    assert e164(made_up_number(10**10 - 1)) == made_up_number(10**10 - 1)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"action": "answered", "intent": "price"}, "price"),
        ({"action": "escalated", "intent": "complaint"}, "escalated"),
        ({"action": "opted_out", "intent": None}, "opted_out"),
        ({"action": "unmatched", "intent": None}, "unmatched"),
        ({}, "None"),
    ],
)
def test_an_answer_means_its_intent_or_what_was_done_instead(
    answer: dict[str, object], expected: str
) -> None:
    assert meaning(answer) == expected
