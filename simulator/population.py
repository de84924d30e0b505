"""Customers as columns: one NumPy array an attribute, one row a customer.

What the contact file says is the same in all replications; what nobody can see (engagement, whether a number
is on WhatsApp) is drawn anew in each. 17 bytes a customer for the first, 5 for the second.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from scenarios.contacts import Contact, contacts_of
from scenarios.content import renderer
from scenarios.loading import Loaded
from scenarios.schema import Campaign
from simulator.streams import SHARED, Purpose, uniforms

QUANTILES = 4096  # nodes of the engagement table: its mean is within 1e-4 of a/(a+b)


class Customers(NamedTuple):
    """What the contact file says, one row a customer."""

    zones: tuple[str, ...]
    zone: NDArray[np.int32]  # index into zones
    malformed: NDArray[np.bool_]
    consent: NDArray[np.bool_]
    audience: NDArray[np.bool_]  # carries the campaign's tags
    complete: NDArray[np.bool_]  # every variable of the text has a value
    content: NDArray[np.int64]  # equal numbers: equal texts
    shared: NDArray[np.bool_]  # another customer gets an equal text

    @property
    def size(self) -> int:
        return len(self.zone)


class Hidden(NamedTuple):
    """What the sender cannot see, drawn in each replication."""

    engagement: NDArray[np.float32]  # in [0, 1]
    registered: NDArray[np.bool_]  # the number is on WhatsApp


def customers_of(loaded: Loaded) -> Customers:
    """The scenario's population from its contact file.

    Fewer customers than rows: the first rows. More: all rows, then rows drawn again with replacement.
    Raises InputError for a malformed file.
    """
    scenario = loaded.scenario
    size = scenario.population.size
    contacts = contacts_of(loaded)[:size]
    rows = _rows(scenario.experiment.seed, size, len(contacts))
    texts = _texts(scenario.campaign, contacts)
    content, shared = _content(texts, rows)
    zones = tuple(sorted({contact.timezone for contact in contacts}))
    zone_of = {zone: index for index, zone in enumerate(zones)}
    return Customers(
        zones=zones,
        zone=np.array([zone_of[contact.timezone] for contact in contacts], np.int32)[rows],
        malformed=np.array([contact.e164 is None for contact in contacts])[rows],
        consent=np.array([contact.consent for contact in contacts])[rows],
        audience=np.array([_in_audience(scenario.campaign, contact) for contact in contacts])[rows],
        complete=np.array([text is not None for text in texts])[rows],
        content=content,
        shared=shared,
    )


def _rows(seed: int, size: int, available: int) -> NDArray[np.int64]:
    rows = np.arange(size)
    drawn = uniforms(seed, SHARED, Purpose.CONTACT, size)[available:].astype(np.float64)
    rows[available:] = np.minimum(drawn * available, available - 1).astype(np.int64)
    return rows


def _in_audience(campaign: Campaign, contact: Contact) -> bool:
    return contact.tags.issuperset(campaign.with_tags) and contact.tags.isdisjoint(campaign.without_tags)


def _texts(campaign: Campaign, contacts: tuple[Contact, ...]) -> list[str | None]:
    render = renderer(campaign.template, campaign.fallbacks)
    return [render(contact.variables) for contact in contacts]


def _content(texts: list[str | None], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A number for each customer's text, and whether others get the same.

    A row drawn again stands for another customer: if the row's text is unique (a voucher of one's own), so is
    the copy's.
    """
    numbers: dict[str | None, int] = {}
    of_row = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)
    unique = (np.bincount(of_row) == 1)[of_row]
    content = of_row[rows]
    copies = np.arange(len(rows)) >= len(texts)
    own = copies & unique[rows]
    content[own] = len(numbers) + np.flatnonzero(own)
    return content, ~unique[rows]


def engagement_table(a: float, b: float) -> NDArray[np.float64]:
    """Quantiles of Beta(a, b) at 0, 1/QUANTILES, ..., 1, shape (QUANTILES + 1,)."""
    return np.asarray(betaincinv(a, b, np.linspace(0.0, 1.0, QUANTILES + 1)))


def hidden_of(
    seed: int, replication: int, size: int, table: NDArray[np.float64], unregistered: float
) -> Hidden:
    """Engagement by inversion of its table, so that a change of its shape keeps every customer's rank."""
    rank = uniforms(seed, replication, Purpose.ENGAGEMENT, size)
    nodes = np.linspace(0.0, 1.0, len(table))
    return Hidden(
        engagement=np.interp(rank, nodes, table).astype(np.float32),
        registered=uniforms(seed, replication, Purpose.REGISTERED, size) >= unregistered,
    )
