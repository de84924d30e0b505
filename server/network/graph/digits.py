"""Whole numbers as clients write them in queries and headers."""

LONGEST = 15  # digits; no number here is longer


def whole(text: str) -> int | None:
    """The number that the text is; None for anything else, also for one of more than LONGEST digits."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST else None
