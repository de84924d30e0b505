"""Customers as columns: one NumPy array an attribute, one row a customer.

What the contact file says is the same in all replications: 23 bytes a customer. What nobody can see
(`simulator.customers.traits`) is drawn anew in each.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.contacts import Contact, contacts_of
from scenarios.content import renderer
from scenarios.errors import InputError, nearest
from scenarios.loading import Loaded
from scenarios.schema import Campaign, Population
from simulator.statistics.streams import SHARED, Purpose, uniforms

MOST_CODES = 127  # of segments and languages: their columns are int8


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
    segments: tuple[str, ...]
    segment: NDArray[np.int8]  # index into segments
    languages: tuple[str, ...]
    language: NDArray[np.int8]  # index into languages
    row: NDArray[np.int32]  # row of the contact file, from 0

    @property
    def size(self) -> int:
        return len(self.zone)


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
    zones, zone = _coded([contact.timezone for contact in contacts])
    languages, language = _coded([contact.language for contact in contacts])
    segments, segment = _segments(loaded, contacts, rows)
    return Customers(
        zones=zones,
        zone=zone[rows],
        malformed=np.array([contact.e164 is None for contact in contacts])[rows],
        consent=np.array([contact.consent for contact in contacts])[rows],
        audience=np.array([_in_audience(scenario.campaign, contact) for contact in contacts])[rows],
        complete=np.array([text is not None for text in texts])[rows],
        content=content,
        shared=shared,
        segments=segments,
        segment=segment.astype(np.int8),
        languages=languages,
        language=language[rows].astype(np.int8),
        row=rows.astype(np.int32),
    )


def _coded(texts: list[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The different texts in order, and for each text its index among them."""
    names = tuple(sorted(set(texts)))
    index = {name: code for code, name in enumerate(names)}
    return names, np.array([index[text] for text in texts], np.int32)


def _segments(
    loaded: Loaded, contacts: tuple[Contact, ...], rows: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Names, and each customer's segment: drawn by the stated shares, or from the contact file."""
    people = loaded.scenario.population
    if people.segments and people.segments[0].share is not None:
        return _drawn_segments(people, loaded.scenario.experiment.seed, len(rows))
    found, segment = _coded([contact.segment for contact in contacts])
    names = tuple(stated.name for stated in people.segments) or found
    for name in found:
        if name not in names:
            raise InputError(
                f"{loaded.contacts_path.name}: segment: found {name!r}, which is no name of "
                f"population.segments{nearest(name, list(names))} (have: {', '.join(names)})"
            )
    if len(names) > MOST_CODES:
        raise InputError(f"{loaded.contacts_path.name}: segment: {len(names)} names; at most {MOST_CODES}")
    return names, np.array([names.index(name) for name in found], np.int32)[segment][rows]


def _drawn_segments(people: Population, seed: int, size: int) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    names = tuple(stated.name for stated in people.segments)
    edges = np.cumsum([stated.share or 0.0 for stated in people.segments])[:-1]
    drawn = uniforms(seed, SHARED, Purpose.SEGMENT, size)
    return names, np.searchsorted(edges, drawn, side="right").astype(np.int32)


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
