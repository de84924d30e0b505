"""The filter language: which contacts, by tags, attributes and what they did when.

    vip AND clicked in 7 days
    (newsletter OR "summer sale") EXCLUDE cart_abandoned
    prospect AND never ordered AND replied in 30 days AND timezone = Europe/Berlin AND orders < 3

A bare or quoted name is a tag. `A EXCLUDE B` is `A AND NOT B`. AND and EXCLUDE bind tighter than OR, and read
from left to right. A reserved word (and, or, not, exclude) that is a tag's name stands in quotes.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias

from server.dispatch.quiet_hours import zone_of

LONGEST = 4_096  # characters of an expression
DEEPEST = 50  # parentheses and NOTs within one another

# What a contact can have done, with the words for it. `first_order` is the time of the first order of all;
# `interacted` is the latest of read, clicked, ordered and replied; `added` is when the contact came.
EVENT_WORDS = {
    "added": ("added", "joined"),
    "sent": ("sent", "messaged"),
    "read": ("read", "opened", "open"),
    "clicked": ("clicked", "click"),
    "ordered": ("ordered", "order", "purchased", "purchase", "bought"),
    "first_order": ("first_order",),
    "replied": ("replied", "reply", "wrote"),
    "blocked": ("blocked", "block"),
    "complained": ("complained", "complaint"),
    "visited": ("visited", "visit"),
    "interacted": ("interacted", "interaction", "active"),
}
EVENTS = {word: event for event, words in EVENT_WORDS.items() for word in words}
UNITS_S = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_592_000}  # T021: 30 days
COUNTS = ("orders", "clicks", "reads", "replies", "tags")  # how many of each a contact has
FLAGS = ("consent", "opted_out")
CHOICES = ("timezone", "country_code")  # equal or not; a country code is that of the number, as 44
ATTRIBUTES = (*COUNTS, *FLAGS, *CHOICES)
COUNTRY_CODE = re.compile(r"\+?[0-9]{1,3}")
RESERVED = frozenset(("and", "or", "not", "exclude"))

Comparison = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Tagged:
    """Carries the tag; `position` is where its name stands, counted from 1."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Did:
    """Did `event` in the last `within_s` seconds, or ever (None)."""

    event: str
    within_s: float | None


@dataclass(frozen=True, slots=True)
class Counted:
    attribute: str
    comparison: Comparison
    number: int


@dataclass(frozen=True, slots=True)
class Is:
    """An attribute of FLAGS or CHOICES has this value."""

    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    part: "Expression"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Each of its parts; of no parts: everybody."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Expression", ...]


Expression: TypeAlias = Tagged | Did | Counted | Is | Not | AllOf | AnyOf
EVERYBODY = AllOf(())


class FilterError(ValueError):
    """One line: where (a position in characters, from 1), what is wrong, the mend."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(f"position {position}: {problem}")
        self.position = position


class _Token(NamedTuple):
    kind: Literal["word", "quoted", "sign", "end"]
    text: str
    position: int

    @property
    def word(self) -> str:
        """Lower-case, of a bare word; else nothing that equals a keyword."""
        return self.text.lower() if self.kind == "word" else ""

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


_TOKEN = re.compile(r"""\s*(?:(?P<sign>[()]|[<>!]=|[<>=])|"(?P<quoted>[^"]*)"|(?P<word>[^\s()<>=!"]+))""")


def parse(text: str) -> Expression:
    """The expression of a text; an empty one means everybody. FilterError for one that makes no sense."""
    if len(text) > LONGEST:
        raise FilterError(LONGEST, f"longer than {LONGEST} characters; split it, or tag the contacts first")
    if not text.strip():
        return EVERYBODY
    return _Parser(text).whole()


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            if text[start] == '"':
                raise FilterError(start + 1, 'a quotation mark without its end; close it with "')
            raise FilterError(start + 1, f"found {text[start]!r}; put names with signs in quotation marks")
        kind: Any = found.lastgroup  # one of the pattern's groups
        start = found.start(kind) - (kind == "quoted")
        yield _Token(kind, found[kind], start + 1)
        at = found.end()
    yield _Token("end", "", len(text) + 1)


class _Parser:
    """Recursive descent. any: all {OR all}; all: one {AND one | EXCLUDE one}; one: NOT one | (any) | ..."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        expression = self._any()
        if self._next.kind != "end":
            self._fail(
                "an unopened parenthesis; remove it" if self._next.text == ")" else "AND or OR expected"
            )
        return expression

    def _any(self) -> Expression:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self) -> Expression:
        parts = [self._one()]
        while True:
            if self._take("exclude"):
                parts.append(Not(self._one()))
            elif self._take("and"):
                parts.append(self._one())
            else:
                return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _one(self) -> Expression:
        if self._take("not") or self._take("exclude"):
            return self._deeper(lambda: Not(self._one()))
        if self._next.kind == "sign" and self._next.text == "(":
            return self._deeper(self._parenthesis)
        return self._condition()

    def _deeper(self, parse: Callable[[], Expression]) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(f"nested more than {DEEPEST} deep; write it flatter")
        expression = parse()
        self._depth -= 1
        return expression

    def _parenthesis(self) -> Expression:
        opened = self._advance()
        expression = self._any()
        if self._next.text != ")" or self._next.kind != "sign":
            self._fail(f"the parenthesis of position {opened.position} is not closed; close it with )")
        self._advance()
        return expression

    def _condition(self) -> Expression:
        first, second = self._next, self._after()
        if first.kind in ("sign", "end") or first.word in RESERVED:
            self._fail("a tag, an attribute or an event expected")
        if second.kind == "sign" and second.text not in "()":
            return self._attribute()
        if first.word in ("no", "never") and (second.word in EVENTS or self._after(2).word == "in"):
            self._advance()
            return Not(self._did(always=first.word == "never"))
        if first.word == "ever" and second.word in EVENTS:
            self._advance()
            return self._did(always=True)
        if first.kind == "word" and second.word == "in":
            return self._did(always=False)
        return self._tag(self._advance())

    def _tag(self, token: _Token) -> Tagged:
        if not token.text.strip() or not token.text.isprintable():
            raise FilterError(token.position, "an empty or unprintable name; name a tag")
        return Tagged(token.text, token.position)

    def _did(self, *, always: bool) -> Did:
        token = self._advance()
        event = EVENTS.get(token.word)
        if event is None:
            hint = _nearest(token.text, EVENTS)
            raise FilterError(token.position, f"no such event: {token.shown}{hint}")
        if always:
            return Did(event, None)
        if not self._take("in"):
            self._fail(f"'in' expected, as in: {token.text} in 7 days")
        return Did(event, self._span_s())

    def _span_s(self) -> float:
        number = self._number("a number of days (or minutes, hours, weeks, months)")
        token = self._next
        unit = UNITS_S.get(token.word.removesuffix("s"))
        if unit is None:
            self._fail("minutes, hours, days, weeks or months expected")
        self._advance()
        return float(number * unit)

    def _attribute(self) -> Expression:
        name = self._advance()
        comparison = self._advance().text
        attribute = name.word
        if attribute == "tag":
            return _negated(self._tag(self._value("a tag")), self._equal(comparison, attribute))
        if attribute in COUNTS:
            return Counted(attribute, comparison, self._number("a whole number"))  # type: ignore[arg-type]
        if attribute not in ATTRIBUTES:
            hint = _nearest(name.text, (*ATTRIBUTES, "tag"))
            raise FilterError(name.position, f"no such attribute: {name.shown}{hint}")
        equal = self._equal(comparison, attribute)
        value = self._value("a value")
        if attribute in FLAGS and value.text not in ("yes", "no"):
            raise FilterError(value.position, f"found {value.shown}; {attribute} must be yes or no")
        if attribute == "timezone":
            _check_zone(value)
        if attribute == "country_code" and not COUNTRY_CODE.fullmatch(value.text):
            raise FilterError(value.position, f"found {value.shown}; a country code has 1 to 3 digits, as 44")
        return _negated(Is(attribute, value.text.removeprefix("+")), equal)

    def _equal(self, comparison: str, attribute: str) -> bool:
        if comparison not in ("=", "!="):
            position = self._tokens[self._at - 1].position
            raise FilterError(position, f"found {comparison!r}; {attribute} can only be = or !=")
        return comparison == "="

    def _number(self, what: str) -> int:
        token = self._next
        if not (
            token.kind == "word" and token.text.isascii() and token.text.isdecimal() and len(token.text) < 7
        ):
            self._fail(f"{what} expected, at most 999999")
        return int(self._advance().text)

    def _value(self, what: str) -> _Token:
        if self._next.kind in ("sign", "end"):
            self._fail(f"{what} expected")
        return self._advance()

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _after(self, steps: int = 1) -> _Token:
        return self._tokens[min(self._at + steps, len(self._tokens) - 1)]

    def _advance(self) -> _Token:
        token = self._next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _take(self, word: str) -> bool:
        if self._next.word != word:
            return False
        self._advance()
        return True

    def _fail(self, problem: str) -> NoReturn:
        raise FilterError(self._next.position, f"{problem}; found {self._next.shown}")


def _check_zone(value: _Token) -> None:
    try:
        zone_of(value.text)
    except ValueError as error:
        raise FilterError(value.position, str(error)) from None


def _negated(expression: Expression, holds: bool) -> Expression:
    return expression if holds else Not(expression)


def _nearest(text: str, known: Iterable[str]) -> str:
    close = get_close_matches(text.lower(), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; one of: {', '.join(known)}"


def leaves(expression: Expression) -> Iterator[Tagged | Did | Counted | Is]:
    """Every condition of an expression, from left to right."""
    match expression:
        case Not(part):
            yield from leaves(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            yield expression


def check_tags(expression: Expression, known: Collection[str]) -> None:
    """FilterError at the first tag that is not `known`."""
    for leaf in leaves(expression):
        if isinstance(leaf, Tagged) and leaf.name not in known:
            close = get_close_matches(leaf.name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise FilterError(leaf.position, f"no such tag: {leaf.name}{hint}")
