"""Automatic replies: which rule a customer's message meets, and whether a person must answer instead.

Order of matching (systems_004, auto_reply 3): a keyword as it stands, then a misspelt one, then none.
Within each, the first rule of the book wins.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from server.dispatch.content import words_of

SHORTEST_FUZZY = 4  # letters; a shorter word with one wrong letter is another word
END = " "  # the end of a word counts as one of its letters: see _readings

Action = Literal["answered", "escalated", "unmatched"]
Matched = Literal["exact", "fuzzy"]


class RuleLike(Protocol):
    """What a rule must have; the scenario's ReplyRule does."""

    @property
    def intent(self) -> str: ...
    @property
    def keywords(self) -> Sequence[str]: ...
    @property
    def answer(self) -> str: ...
    @property
    def escalate(self) -> bool: ...


class Decision(NamedTuple):
    """What to do with one customer message; `answer` is to be sent `delay_s` after it came in."""

    action: Action
    intent: str | None
    answer: str | None
    delay_s: float
    matched: Matched | None
    keyword: str | None = None  # that triggered the rule, as words in lower case


class Phrase(NamedTuple):
    words: tuple[str, ...]
    rule: int  # place in the book; the least wins


class Rulebook(NamedTuple):
    """Rules made ready for lookup."""

    rules: tuple[RuleLike, ...]
    words: dict[str, int]  # keyword of one word -> first rule that has it
    phrases: dict[str, list[Phrase]]  # first word -> keywords of several words
    vocabulary: dict[str, list[str]]  # first letter -> words that may be misspelt, each with END
    similarity: float  # least, in [0, 1]
    delay_min_s: float
    delay_max_s: float
    max_per_hour: int


def new_rules(
    rules: Sequence[RuleLike],
    *,
    fuzzy_score: float,
    delay_min_s: float,
    delay_max_s: float,
    max_per_hour: int,
) -> Rulebook:
    """Make rules ready for `decide`.

    `fuzzy_score` in [0, 100] is the least similarity of a misspelt word (100: none is accepted);
    answers wait between `delay_min_s` and `delay_max_s` (C049: 5-10 s); `max_per_hour` automatic answers
    go to one customer in an hour (C053: 3). ValueError for a keyword without a letter or digit.
    """
    words: dict[str, int] = {}
    phrases: dict[str, list[Phrase]] = {}
    for place, rule in enumerate(rules):
        for keyword in rule.keywords:
            match words_of(keyword):
                case []:
                    raise ValueError(f"{rule.intent}: keyword {keyword!r} holds no letter, digit or emoji")
                case [word]:
                    words.setdefault(word, place)
                case several:
                    phrases.setdefault(several[0], []).append(Phrase(tuple(several), place))
    known = {*words, *(word for group in phrases.values() for phrase in group for word in phrase.words)}
    return Rulebook(
        tuple(rules),
        words,
        phrases,
        _by_first_letter(known),
        fuzzy_score / 100,
        delay_min_s,
        delay_max_s,
        max_per_hour,
    )


def _by_first_letter(words: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for word in sorted(words):
        if len(word) >= SHORTEST_FUZZY:
            groups.setdefault(word[0], []).append(word + END)
    return groups


def decide(rulebook: Rulebook, text: str, *, recent_answers: int, with_human: bool, key: int) -> Decision:
    """Decide on one customer message.

    `recent_answers`: automatic answers to this customer in the last hour; `with_human`: a person has taken
    the conversation over, so nothing is automatic until that person closes it. The delay is uniform and
    fixed by `key` (any whole number).
    """
    if with_human:
        return Decision("escalated", None, None, 0.0, None)
    found, matched = _match(rulebook, words_of(text))
    if found is None:
        return Decision("unmatched", None, None, 0.0, None)
    rule, keyword = rulebook.rules[found.rule], " ".join(found.words)
    if recent_answers >= rulebook.max_per_hour:
        return Decision("escalated", rule.intent, None, 0.0, matched, keyword)
    action: Action = "escalated" if rule.escalate else "answered"
    return Decision(action, rule.intent, rule.answer, _delay_s(rulebook, key), matched, keyword)


def _match(rulebook: Rulebook, words: Sequence[str]) -> tuple[Phrase | None, Matched | None]:
    readings = [(word,) for word in words]
    found = _first_rule(rulebook, readings)
    if found is not None:
        return found, "exact"
    widened = [_readings(rulebook, word) for word in words]
    if widened == readings:
        return None, None
    found = _first_rule(rulebook, widened)
    return found, None if found is None else "fuzzy"


def _first_rule(rulebook: Rulebook, readings: Sequence[tuple[str, ...]]) -> Phrase | None:
    """The first rule with a keyword in the message, and the first such keyword; each word of the message may
    be read in several ways.
    """
    singles, phrases = rulebook.words, rulebook.phrases
    best: Phrase | None = None
    for start, choices in enumerate(readings):
        for word in choices:
            place = singles.get(word)
            if place is not None and (best is None or place < best.rule):
                best = Phrase((word,), place)
            for phrase in phrases.get(word, ()):
                if (best is None or phrase.rule < best.rule) and _stands_at(phrase.words, readings, start):
                    best = phrase
    return best


def _stands_at(words: tuple[str, ...], readings: Sequence[tuple[str, ...]], start: int) -> bool:
    window = readings[start : start + len(words)]
    return len(window) == len(words) and all(
        word in choices for word, choices in zip(words, window, strict=True)
    )


def _readings(rulebook: Rulebook, word: str) -> tuple[str, ...]:
    """A word and the keywords that it may be a misspelling of.

    Its first letter must be right, as it is in nearly all misspellings. Similarity is 1 - edits / length,
    an edit being a letter wrong, missing, added, or swapped with its neighbour, and the length that of the
    longer word with its end as one more letter. At a score of 82 a word of 5 to 10 letters may have one edit
    and one of 11 to 15 two; one of 4 must be right.
    """
    candidates = rulebook.vocabulary.get(word[0]) if len(word) >= SHORTEST_FUZZY else None
    if not candidates:
        return (word,)
    from server.dispatch.spelling import similar  # when first needed: its library takes three megabytes

    close = similar(word + END, candidates, rulebook.similarity)
    return (word, *(choice[:-1] for choice in close if choice[:-1] != word))


def _delay_s(rulebook: Rulebook, key: int) -> float:
    """Uniform in [delay_min_s, delay_max_s]: splitmix64 of the key."""
    mixed = (key * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    fraction = ((mixed ^ (mixed >> 31)) >> 11) / (2**53 - 1)
    return rulebook.delay_min_s + (rulebook.delay_max_s - rulebook.delay_min_s) * fraction
