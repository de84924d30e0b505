"""Whether a customer is losing patience: negative words, message after message."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from server.dispatch.content import words_of

MOST_IN_A_ROW = 3  # C185: more consecutive negative messages than this raise the priority


class Phrases(NamedTuple):
    """Negative words and phrases, and the words that they begin with."""

    whole: frozenset[tuple[str, ...]]
    first: frozenset[str]
    longest: int  # words


def phrases_of(words: Iterable[str]) -> Phrases:
    """Ready for `is_negative`; ValueError for one without a letter, digit or emoji."""
    found = {word: tuple(words_of(word)) for word in words}
    for word, phrase in found.items():
        if not phrase:
            raise ValueError(f"negative word {word!r} holds no letter, digit or emoji")
    whole = frozenset(found.values())
    longest = max(map(len, whole), default=0)
    return Phrases(whole, frozenset(phrase[0] for phrase in whole), longest)


def is_negative(phrases: Phrases, words: Sequence[str]) -> bool:
    """Whether one of the phrases stands in these words (`content.words_of` of a message)."""
    if phrases.first.isdisjoint(words):
        return False
    return any(
        tuple(words[start : start + length]) in phrases.whole
        for start, word in enumerate(words)
        if word in phrases.first
        for length in range(1, phrases.longest + 1)
    )


def next_run(run: int, negative: bool) -> int:
    """How many negative messages stand in a row; one that is not negative ends the row (ours)."""
    return run + 1 if negative else 0


def is_urgent(run: int) -> bool:
    """Whether a person must look at once: from the fourth in a row (C185)."""
    return run > MOST_IN_A_ROW
