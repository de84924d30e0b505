"""The scenario's campaign, posted to the server and read back."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from loadtests.client import Client
from scenarios.contacts import Contact, contacts_of
from scenarios.loading import Loaded
from scenarios.result import Kpi, kpi

BATCH = 10_000  # C016: the most that one job may hold


class Batch(Struct, frozen=True):
    """What is read of `GET /send/{batch_id}`: messages by state, failed attempts by reason, server times."""

    counts: dict[str, int]
    failures: dict[str, int]
    retrying: int  # of those queued, how many wait for another attempt
    first_send: datetime | None
    last_send: datetime | None


class Progress(NamedTuple):
    queued: int
    sent: int  # attempts
    delivered: int
    send_duration_s: float | None  # None: some message has not been sent yet


class Posted(NamedTuple):
    batch_ids: tuple[str, ...]
    accepted: int
    rejected: int


def post(client: Client, loaded: Loaded) -> Posted:
    """Post the campaign to all its contacts, malformed numbers and all: what the server rejects is data."""
    campaign = loaded.scenario.campaign
    message = {"template": campaign.template, "fallbacks": campaign.fallbacks}
    answers = [
        client.call("POST", "/send", {**message, "recipients": recipients}) for recipients in _batches(loaded)
    ]
    return Posted(
        tuple(answer["batch_id"] for answer in answers),
        sum(answer["accepted"] for answer in answers),
        sum(len(answer["rejected"]) for answer in answers),
    )


def _batches(loaded: Loaded) -> Iterator[list[dict[str, object]]]:
    campaign = loaded.scenario.campaign
    wanted, unwanted = set(campaign.with_tags), set(campaign.without_tags)
    chosen = [
        contact
        for contact in contacts_of(loaded)[: loaded.scenario.population.size]
        if wanted <= contact.tags and unwanted.isdisjoint(contact.tags)
    ]
    for first in range(0, len(chosen), BATCH):
        yield [_recipient(contact) for contact in chosen[first : first + BATCH]]


def _recipient(contact: Contact) -> dict[str, object]:
    return {"to": contact.phone, "variables": contact.variables, "timezone": contact.timezone}


class Watch:
    """Reads the campaign's progress, once a second of the load test and at its end."""

    def __init__(self, client: Client, posted: Posted) -> None:
        self._client = client
        self._posted = posted
        self.queued: list[int] = []  # messages not yet sent, by second
        self._send_duration_s: float | None = None

    def look(self) -> Progress:
        """Raises InputError when the server does not answer."""
        batches = (
            msgspec.convert(self._client.call("GET", f"/send/{batch_id}"), Batch)
            for batch_id in self._posted.batch_ids
        )
        seen = progress_of(list(batches))
        self.queued.append(seen.queued)
        if self._send_duration_s is None:
            self._send_duration_s = seen.send_duration_s
        return seen

    def kpis(self) -> dict[str, Kpi]:
        """As they stand now: counts so far, and the duration once every first attempt has been made."""
        seen = self.look()
        counted = {
            "messages_sent": seen.sent,
            "messages_delivered": seen.delivered,
            "contacts_rejected": self._posted.rejected,
        }
        found = {name: kpi(name, value) for name, value in counted.items()}
        if seen.sent:
            found["delivery_rate"] = kpi("delivery_rate", seen.delivered / seen.sent)
        if self._send_duration_s is not None:
            found["send_duration_s"] = kpi("send_duration_s", self._send_duration_s)
        return found


def progress_of(batches: Sequence[Batch]) -> Progress:
    """Several batches as one campaign.

    The last send is that of a first attempt as long as no second attempt has been made, which is a day
    later (C028): the first look after all first attempts have been made gives their duration.
    """
    queued = sum(batch.counts.get("queued", 0) for batch in batches)
    first_attempts = queued - sum(batch.retrying for batch in batches)
    under_way = first_attempts + sum(batch.counts.get("sending", 0) for batch in batches)
    firsts = [batch.first_send for batch in batches if batch.first_send]
    lasts = [batch.last_send for batch in batches if batch.last_send]
    done = not under_way and firsts and lasts
    delivered = sum(batch.counts.get("delivered", 0) for batch in batches)
    on_the_way = sum(batch.counts.get("sent", 0) for batch in batches)
    failed = sum(sum(batch.failures.values()) for batch in batches)
    return Progress(
        queued=queued,
        sent=delivered + on_the_way + failed,
        delivered=delivered,
        send_duration_s=(max(lasts) - min(firsts)).total_seconds() if done else None,
    )
