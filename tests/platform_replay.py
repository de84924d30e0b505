"""The requests of a business's replication once more, one by one, against the exact state machine.

`server.network.limits` and `quality` are told of every delivery, read, reply, block and report at its own
moment; the simulator sees them at the end of their quarter of an hour.
"""

from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.network.limits import Assumed, CapParameters, Limits, SpamParameters
from server.network.quality import BLOCKED, DELIVERED, REPORTED, Account, Parameters, Template
from server.network.rules import rules_at
from simulator.customers.funnel import Event, Funnel
from simulator.engine.platform import Codes, Platform
from simulator.engine.replication import Replication
from simulator.sending.waves import Wave
from simulator.world import World

HOUR_S = 3600.0


class Request(NamedTuple):
    """One message at the gate: what the simulator's platform answered."""

    at_s: float
    customer: int
    account: int
    code: int


class Recorded(NamedTuple):
    run: Replication
    requests: list[Request]
    outcomes: dict[tuple[float, int], dict[str, float]]  # by time and customer: when what came of it


def recorded(world: World) -> Recorded:
    """A replication, every request in it and what came of those that were accepted."""
    requests: list[Request] = []
    outcomes: dict[tuple[float, int], dict[str, float]] = {}

    def watch(wave: Wave, _over: NDArray[np.bool_], happened: Funnel) -> None:
        keys = list(zip(wave.due_s.tolist(), wave.customer.tolist(), strict=True))
        outcomes.update({key: {} for key in keys})
        for name in ("delivered", "read", "replied", "blocked", "complained"):
            event: Event = getattr(happened, name)
            for row, at_s in zip(event.rows.tolist(), event.at_s.tolist(), strict=True):
                outcomes[keys[row]][name] = at_s

    run = Replication(world, 1, watch)
    assert run.gate is not None
    run.gate = run.gate._replace(platform=Noting(run.gate.platform, requests))  # type: ignore[arg-type]
    run.run()
    return Recorded(run, requests, outcomes)


class Noting:
    """A platform whose answers are noted down."""

    def __init__(self, platform: Platform, requests: list[Request]) -> None:
        self._platform, self._requests = platform, requests

    def room(self, now_s: float) -> int:
        return self._platform.room(now_s)

    def admit(self, wave: Wave) -> Codes:
        codes = self._platform.admit(wave)
        columns = (wave.due_s.tolist(), wave.customer.tolist(), wave.account.tolist(), codes.tolist())
        self._requests.extend(Request(*row) for row in zip(*columns, strict=True))
        return codes


def replayed(world: World, record: Recorded) -> tuple[list[int], int]:
    """The code that each request gets from the exact machine, and its limit's level at the horizon."""
    business = world.scenario.business
    cap = CapParameters(
        least=business.cap_least, most=business.cap_most, others_per_day=business.others_per_day
    )
    spam = SpamParameters(share=business.spam_share, report_weight=business.report_weight)
    quality = Parameters(
        report_weight=business.report_weight, yellow=business.quality_yellow, red=business.quality_red
    )
    limits = Limits(rules_at(world.epoch_s).limits, Assumed(cap=cap, spam=spam))
    portfolio = limits.portfolio(business.limit_level)
    account, template = Account(limits, portfolio, quality), Template({}, quality)
    numbers = [limits.number(portfolio) for _ in range(world.scenario.accounts.count)]
    for name, number in enumerate(numbers):
        account.watch(str(name), number)
    assert world.markets is not None
    order = count()
    agenda: list[tuple[float, int, str, Any]] = []

    def put(at_s: float, what: str, about: Any) -> None:
        if at_s < world.horizon_s:
            heappush(agenda, (at_s, next(order), what, about))

    for hour in range(1, int(world.horizon_s // HOUR_S) + 1):
        put(hour * HOUR_S, "review", None)
    for request in record.requests:
        put(request.at_s, "request", request)
    codes: dict[Request, int] = {}
    delivered_s: dict[Request, float] = {}
    while agenda:
        at_s, _, what, about = heappop(agenda)
        now_s = at_s + world.epoch_s
        if what == "review":
            account.review(now_s, verified=business.verified)
            template.review(now_s)
            continue
        if what == "request":
            number, user = numbers[about.account], about.customer
            region = world.markets.names[world.markets.of[user]]
            if (paused := template.refusal(now_s)) is not None:
                codes[about] = paused
                continue
            decision = limits.decide(now_s, number, user, business.category, region)
            codes[about] = decision.code or 0
            if decision.code is not None:
                continue
            found = record.outcomes.get((about.at_s, about.customer), {})
            if "delivered" not in found:
                limits.failed(now_s, number, user, business.category, decision.window)
            for name, then_s in found.items():
                put(then_s, name, (about, decision.window))
            continue
        request, window = about
        number, user, name = numbers[request.account], request.customer, str(request.account)
        if what == "delivered":
            limits.delivered(now_s, number, user, business.category, window)
            account.delivered(now_s, name)
            template.ratings.count(now_s, DELIVERED)
            delivered_s[request] = now_s
        elif what == "read":
            limits.read(now_s, user, business.category)
        elif what == "replied":
            limits.heard(now_s, number, user)
        elif what == "blocked":
            account.blocked(now_s, name, delivered_s[request])
            template.ratings.count(now_s, BLOCKED, delivered_s=delivered_s[request])
        else:
            account.reported(now_s, name, delivered_s[request])
            template.ratings.count(now_s, REPORTED, delivered_s=delivered_s[request])
    return [codes[request] for request in record.requests], portfolio.tier.level
