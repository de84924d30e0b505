"""Phone numbers in E.164 (`+14155550100`): what counts as one, by the numbering plans of `phonenumbers`.

Its full check takes 80 microseconds a number. Nearly every number of a list is already written in E.164 and
valid as it stands; seeing that takes a few, with the same plans: `_is_plain`. All others are checked in full.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

_CODES = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))
# The kinds of a number that make it valid, as `phonenumbers.number_type` looks for them.
_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost",
    "personal_number", "voip", "pager", "uan", "voicemail",
)  # fmt: skip


def e164(text: str) -> str | None:
    """A number in E.164, or None when it cannot be one. Needs the country code."""
    number = text.strip()
    if not number.startswith("+"):
        number = f"+{number}"
    return number if _is_plain(number) else _parsed(number)


@lru_cache(maxsize=100_000)
def region_of(number: str) -> str | None:
    """The region (ISO 3166) of a number in E.164; None where it has none."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return None
    return None if region is None else str(region)


def _parsed(number: str) -> str | None:
    """By the full check, which also takes a number with signs between, or a needless 0 before it."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def _is_plain(number: str) -> bool:
    """Whether a number is E.164 already and valid as it stands; False leaves it open."""
    for end in (2, 3, 4):
        code = number[1:end]
        if code in _CODES:
            return _plain_of(code).fullmatch(number) is not None
    return False


class _Region(NamedTuple):
    """One region of a country code."""

    leading: str | None  # pattern of digits that only its numbers start with
    valid: str


@cache
def _plain_of(code: str) -> re.Pattern[str]:
    """What fits is a number of this country code, valid as it stands."""
    names = COUNTRY_CODE_TO_REGION_CODE[int(code)]
    found = [PhoneMetadata.metadata_for_region_or_calling_code(int(code), name) for name in names]
    metadata = [one for one in found if one is not None]
    # The only region of a code needs no leading digits to be told from others.
    only = len(names) == 1
    regions = [_region(one, None if only else one.leading_digits) for one in metadata]
    prefix = metadata[0].national_prefix_for_parsing
    # With a 0 or what may stand before a number it may have to be written otherwise.
    otherwise = f"0|{prefix}" if prefix else "0"
    return re.compile(rf"\+(?=[1-9]\d{{6,14}}\Z){code}(?!{otherwise}){_of_any(regions)}", re.ASCII)


def _of_any(regions: Sequence[_Region]) -> str:
    """Numbers that are valid in the region that they belong to: the first whose leading digits they have."""
    pattern = "(?!)"
    for region in reversed(regions):
        if region.leading is None:
            pattern = f"(?:{region.valid}|{pattern})"
        else:
            pattern = f"(?:(?={region.leading}){region.valid}|(?!{region.leading}){pattern})"
    return pattern


def _region(metadata: Any, leading: str | None) -> _Region:
    kinds = [getattr(metadata, kind) for kind in _KINDS]
    general = _pattern(metadata.general_desc) or "(?!)"
    valid = f"(?={general}$)(?:{_either(filter(None, map(_pattern, kinds)))})$"
    return _Region(f"(?:{leading})" if leading else None, valid)


def _pattern(description: Any) -> str | None:
    """The numbers that a description means; None for none."""
    if description is None or not description.national_number_pattern:
        return None
    lengths = _either(rf"\d{{{length}}}$" for length in description.possible_length if length > 0)
    return (
        f"(?={lengths})(?:{description.national_number_pattern})"
        if lengths
        else (f"(?:{description.national_number_pattern})")
    )


def _either(patterns: Iterable[str]) -> str:
    return "|".join(patterns)
