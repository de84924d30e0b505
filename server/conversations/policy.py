"""From what a scenario says of replies to what answers them."""

from collections.abc import Callable

from scenarios.errors import InputError
from scenarios.schema import Replies
from server.conversations.replying import Policy
from server.dispatch.answers import Extras, Known
from server.dispatch.contact_index import ContactIndex
from server.dispatch.replies import new_rules
from server.dispatch.routing import new_teams
from server.dispatch.sentiment import phrases_of


def reply_policy(replies: Replies, index_of: Callable[[], ContactIndex]) -> Policy:
    """`index_of` gives the index as it is by now. InputError for keywords without letters."""
    try:
        return Policy(
            rulebook=new_rules(
                replies.rules,
                fuzzy_score=replies.fuzzy_score,
                delay_min_s=replies.delay_min_s,
                delay_max_s=replies.delay_max_s,
                max_per_hour=replies.max_per_hour,
            ),
            guides={rule.intent: rule.guide for rule in replies.rules if rule.guide},
            extras=Extras(replies.order_link, replies.coupon),
            negative=phrases_of(replies.negative_words),
            teams=new_teams(replies.teams, fuzzy_score=replies.fuzzy_score),
            known=lambda contact: _known(index_of(), contact),
        )
    except ValueError as error:
        raise InputError(f"replies: {error}") from None


def _known(index: ContactIndex, contact: int) -> Known:
    return Known(
        ordered_s=index.last_s("ordered", contact),
        interacted_s=index.last_s("interacted", contact),
        added_s=index.last_s("added", contact),
    )
