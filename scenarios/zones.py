"""Time zones by their IANA names."""

from functools import lru_cache
from zoneinfo import ZoneInfo

WANTED = "must be an IANA name, as Europe/Berlin"


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether the zone database knows the name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a folder of the zone database
        return False
    return True
