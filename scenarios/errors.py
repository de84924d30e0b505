"""The one exception that means "the input was wrong", printed as one line and exit status 2."""


class InputError(Exception):
    """What is wrong, where (file, field), and the mend, in one line."""


def nearest(word: str, allowed: list[str]) -> str:
    """`; did you mean X?` for the closest allowed word, else an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(word, allowed, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
