"""The scenario's campaign, posted to the server and read back."""

from collections.abc import Iterator
from typing import NamedTuple

from loadtests.client import Client
from scenarios.contacts import Contact, contacts_of
from scenarios.loading import Loaded
from scenarios.result import Kpi, kpi

BATCH = 10_000  # C016: the most that one job may hold


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


def kpis(client: Client, posted: Posted) -> dict[str, Kpi]:
    return {"contacts_rejected": kpi("contacts_rejected", posted.rejected)}
