"""Whether a customer is losing patience: negative words, message after message."""

from collections.abc import Iterable, Sequence

from server.dispatch.content import words_of

MOST_IN_A_ROW = 3  # C185: more consecutive negative messages than this raise the priority

Phrases = frozenset[tuple[str, ...]]


def phrases_of(words: Iterable[str]) -> Phrases:
    """Negative words and phrases made ready; ValueError for one without a letter, digit or emoji."""
    found = {word: tuple(words_of(word)) for word in words}
    for word, phrase in found.items():
        if not phrase:
            raise ValueError(f"negative word {word!r} holds no letter, digit or emoji")
    return frozenset(found.values())


def is_negative(phrases: Phrases, words: Sequence[str]) -> bool:
    """Whether one of the phrases stands in these words (`content.words_of` of a message)."""
    longest = max((len(phrase) for phrase in phrases), default=0)
    return any(
        tuple(words[start : start + length]) in phrases
        for start in range(len(words))
        for length in range(1, min(longest, len(words) - start) + 1)
    )


def next_run(run: int, negative: bool) -> int:
    """How many negative messages stand in a row; one that is not negative ends the row (ours)."""
    return run + 1 if negative else 0


def is_urgent(run: int) -> bool:
    """Whether a person must look at once: from the fourth in a row (C185)."""
    return run > MOST_IN_A_ROW
