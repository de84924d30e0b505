"""Business-scoped user ids: a customer's id that is no phone number (platform 1.1, 1.4).

`US.4321...`: a region and a made-up number, one to one with the phone number, so that either finds the other.
The platform gives each business other ids and hides how; here they follow from the number alone.
"""

from functools import lru_cache

import phonenumbers

from server.network.graph.refusal import ApiError

_SIZE = 10**18
_FACTOR = 314_159_265_358_979_323  # odd and no multiple of 5: multiplying by it can be undone
_BACK = pow(_FACTOR, -1, _SIZE)
NOWHERE = "ZZ"  # of numbers whose country code belongs to no region


@lru_cache(maxsize=100_000)
def user_id(wa_id: str) -> str:
    """The id of a number of at most 17 digits."""
    return f"{_region(wa_id)}.{int('1' + wa_id) * _FACTOR % _SIZE}"


def wa_id_of(given: str) -> str:
    """The number of an id; ApiError when it is none of ours."""
    _, _, digits = given.partition(".")
    if digits.isdecimal() and len(digits) <= 18:
        found = str(int(digits) * _BACK % _SIZE)[1:]
        if found and user_id(found) == given:
            return found
    raise ApiError(131009, "Parameter recipient is not valid: no such user")


def _region(wa_id: str) -> str:
    """By country code alone: the main region where several share one."""
    for length in (1, 2, 3):
        region = phonenumbers.region_code_for_country_code(int(wa_id[:length]))
        if region != "ZZ":
            return region if region.isalpha() else NOWHERE
    return NOWHERE
