"""What simulated customers do with a message that reached them: pure, and the same for the same seed and
message.

Rates and delays are the scenario's funnel; reading comes before everything else. Someone in the middle of a
conversation reads every answer, and does nothing else but go on with the conversation.
"""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from scenarios.schema import Scenario
from server.network.graph.chance import draws, lognormal

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=30 * 86_400)]
LogSd = Annotated[float, Meta(ge=0, le=5)]

Act = Literal["reply", "opt_out", "block", "report"]
SENT_DELAY_S = 0.2  # assumed: the platform's servers take a message within a fraction of a second
CONVERSATION_READ_S = 1.0  # assumed: the chat is open
COINCIDE_S = 0.5  # assumed: read so soon after the delivery is told as read alone (platform 1.4)
PATIENCE_S = 300.0  # assumed: who has no answer after five minutes leaves the conversation


class Behaviour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of messages delivered (read) or of messages read (the others); seconds of the emulator's clock.

    `delivered` and `unregistered` are the network's: what share of first attempts arrives, and of numbers is
    not on WhatsApp. Statuses that lie at most `coincide_s` apart are told as one.
    """

    delivered: Share = 1.0
    unregistered: Share = 0.0
    sent_delay_s: Seconds = SENT_DELAY_S
    delivery_delay_median_s: Seconds = 1.0
    delivery_delay_log_sd: LogSd = 0.0
    read: Share = 1.0
    reply: Share = 0.0
    opt_out: Share = 0.0
    block: Share = 0.0
    report: Share = 0.0
    read_delay_median_s: Seconds = 2.0
    read_delay_log_sd: LogSd = 0.0
    act_delay_median_s: Seconds = 60.0
    act_delay_log_sd: LogSd = 0.0
    conversation_read_s: Seconds = CONVERSATION_READ_S
    think_time_mean_s: Seconds = 5.0
    coincide_s: Seconds = COINCIDE_S
    patience_s: Seconds = PATIENCE_S


class Reaction(NamedTuple):
    """`read_s`: delay from the delivery, None: never read. `act` follows `act_s` after the reading."""

    read_s: float | None
    act: Act | None
    act_s: float


def of_scenario(scenario: Scenario) -> Behaviour:
    """The customers and the network that the scenario describes."""
    network, funnel = scenario.network, scenario.funnel
    return Behaviour(
        delivered=network.delivery_rate,
        unregistered=network.unregistered_fraction,
        delivery_delay_median_s=network.delivery_delay_median_s,
        delivery_delay_log_sd=network.delivery_delay_log_sd,
        read=funnel.read,
        reply=funnel.reply,
        opt_out=funnel.opt_out,
        block=funnel.block,
        report=funnel.complaint,
        read_delay_median_s=funnel.read_delay_median_s,
        read_delay_log_sd=funnel.read_delay_log_sd,
        act_delay_median_s=funnel.act_delay_median_s,
        act_delay_log_sd=funnel.delay_log_sd,
        think_time_mean_s=scenario.conversations.think_time_mean_s,
    )


def is_registered(behaviour: Behaviour, seed: int, wa_id: str) -> bool:
    """Whether the number is on WhatsApp: the same for all of its messages."""
    return draws(seed, f"number/{wa_id}", 1)[0] >= behaviour.unregistered


def delivery(behaviour: Behaviour, seed: int, wa_id: str, sequence: int) -> float | None:
    """Seconds from the sending to the delivery at a registered number; None: it is lost on the way.

    (1 - unregistered) (1 - lost) = delivered, as far as that can be.
    """
    lost, delay = draws(seed, f"delivery/{wa_id}/{sequence}", 2)
    registered = 1.0 - behaviour.unregistered
    if registered <= 0 or lost >= behaviour.delivered / registered:
        return None
    return lognormal(behaviour.delivery_delay_median_s, behaviour.delivery_delay_log_sd, delay)


def reaction(
    behaviour: Behaviour, seed: int, wa_id: str, sequence: int, *, in_conversation: bool, is_template: bool
) -> Reaction:
    """What the customer does. Only templates move someone who is in no conversation to act."""
    read, read_delay, what, act_delay = draws(seed, f"reaction/{wa_id}/{sequence}", 4)
    if in_conversation:
        return Reaction(behaviour.conversation_read_s, None, 0.0)
    if read >= behaviour.read:
        return Reaction(None, None, 0.0)
    read_s = lognormal(behaviour.read_delay_median_s, behaviour.read_delay_log_sd, read_delay)
    act_s = lognormal(behaviour.act_delay_median_s, behaviour.act_delay_log_sd, act_delay)
    return Reaction(read_s, _act(behaviour, what) if is_template else None, act_s)


def _act(behaviour: Behaviour, uniform: float) -> Act | None:
    acts: tuple[tuple[Act, float], ...] = (
        ("block", behaviour.block),
        ("report", behaviour.report),
        ("opt_out", behaviour.opt_out),
        ("reply", behaviour.reply),
    )
    for act, share in acts:
        if uniform < share:
            return act
        uniform -= share
    return None
