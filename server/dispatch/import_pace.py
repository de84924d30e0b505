"""Large imports in a row, and how long further ones are held because of them (T044, T045)."""

from collections.abc import Sequence

MOST, WINDOW_S = 3, 3600.0  # T044: more in an hour may trigger risk control


def held_until_s(large_s: Sequence[float], delay_s: float) -> float | None:
    """Until when no import is taken; None: none was too many, or nothing is held because of it.

    `large_s`: when large files were taken, in order (Unix seconds). The one that makes them too many is
    still taken; `delay_s` after it the next one is.
    """
    if delay_s <= 0:
        return None
    triggers = [last for first, last in zip(large_s, large_s[MOST:], strict=False) if last - first < WINDOW_S]
    return triggers[-1] + delay_s if triggers else None
