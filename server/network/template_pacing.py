"""Template pacing: messages of a template that nobody knows yet are held back until users have told.

The platform's page on template pacing [M, May 2026]: marketing templates that are new, were unpaused or are
not GREEN are sent normally up to a threshold that is not said; what comes then is held. A good signal lets
it go, a bad one pauses the template, and all that was held fails with 132015. Most go within an hour, and
when no signal came by then they are let go. Utility templates are paced only for seven days after one of
them was paused. Such a pause ends by hand alone.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple

from server.network.rules import DAY_S, HOUR_S, Category
from server.network.tiers import Rating

UTILITY_S = 7 * DAY_S  # [M]: so long after a pause of a utility template all of them are paced
Outcome = Literal["released", "dropped"]


class PacingParameters(NamedTuple):
    """`threshold`: messages of a template that are sent before others are held.

    Which it is, and which of the templates that may be paced are, the platform does not say: there is no
    default, and none is paced unless one is given. `feedback_s`: users get so long before a good rating
    counts; a bad one counts at once.
    """

    threshold: int
    feedback_s: float = 1800.0  # assumed: half of what all may wait
    guardrail_s: float = HOUR_S  # [M]: an hour, for 99 % of messages; here for all


@dataclass(slots=True)
class _Course:
    """How far the pacing of one template has come."""

    sent: int = 0
    held_since_s: float | None = None
    is_over: bool = False


class Pacer:
    """The templates of one business account, by any key. Without parameters nothing is ever held."""

    def __init__(self, parameters: PacingParameters | None) -> None:
        self._parameters = parameters
        self._courses: dict[str, _Course] = {}
        self._utility_until_s = -inf

    def begin(self, template: str) -> None:
        """The template was unpaused, or approved with a new text (assumed: that makes it a new one).

        What is held stays held.
        """
        course = self._courses.get(template)
        if course is not None and course.held_since_s is None:
            del self._courses[template]

    def paused(self, now_s: float, category: Category) -> None:
        """A template of the account was paused for its quality."""
        if category == "utility":
            self._utility_until_s = now_s + UTILITY_S

    def holds(self, now_s: float, template: str, category: Category, rating: Rating) -> bool:
        """Whether a message that was accepted now is held. It is counted."""
        if self._parameters is None:
            return False
        course = self._courses.get(template)
        if course is not None and course.held_since_s is not None:
            return True
        if not self._may_pace(now_s, category) or rating == "GREEN":
            return False
        if course is None:
            course = self._courses[template] = _Course()
        if course.is_over:
            return False
        course.sent += 1
        if course.sent <= self._parameters.threshold:
            return False
        course.held_since_s = now_s
        return True

    def is_holding(self, template: str) -> bool:
        course = self._courses.get(template)
        return course is not None and course.held_since_s is not None

    def decide_s(self, template: str) -> float:
        """When it is decided at the latest (Unix seconds); inf: nothing is held."""
        course = self._courses.get(template)
        if self._parameters is None or course is None or course.held_since_s is None:
            return inf
        return course.held_since_s + self._parameters.guardrail_s

    def review(self, now_s: float, template: str, rating: Rating) -> Outcome | None:
        """What becomes of all that is held; None: nothing is, or it is not yet known."""
        course = self._courses.get(template)
        if self._parameters is None or course is None or course.held_since_s is None:
            return None
        waited_s = now_s - course.held_since_s
        is_good = rating == "GREEN" and waited_s >= self._parameters.feedback_s
        if rating != "RED" and not is_good and waited_s < self._parameters.guardrail_s:
            return None
        course.held_since_s, course.is_over = None, True
        return "dropped" if rating == "RED" else "released"

    def _may_pace(self, now_s: float, category: Category) -> bool:
        return category == "marketing" or (category == "utility" and now_s < self._utility_until_s)
