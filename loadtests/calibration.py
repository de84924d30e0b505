"""What target and load generator need for a message: from it a load test is predicted."""

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time, sleep
from typing import NamedTuple

import msgspec

from loadtests.client import Client
from loadtests.conversations import conversation, made_up_number
from loadtests.generator import generate, plan_of
from scenarios.errors import InputError
from scenarios.loading import Loaded
from scenarios.result import Calibration

WARM_UP = 100  # messages: first ones meet cold caches
NUMBERS = 5 * 10**9  # made-up customers from here on, apart from those of load tests
AT_ONCE = 16  # connections: so many are a group, and few enough for the threads of one process (assumed)
LEAST_GROUP = 2  # messages to a commit, from which on the target commits in groups (assumed)
LEAST_SHARE = 0.1  # of a message's time that is the target's, whatever the client took on average (assumed)
MOST_GAP_S = 0.02  # between messages; of a few conversations they would be waited for by the minute (assumed)
RAMP_S, GENERATOR_S = 1, 2  # one place begins within the first, and is watched for the second
CUSTOMERS = 10_000  # more than one place can serve in that time

Message = tuple[str, str]  # customer, text


class Told(NamedTuple):
    """The target's own count."""

    cpu_s: float
    commits: int


def calibrate(target: str, token: str, loaded: Loaded) -> Calibration:
    """Of the idle target, and of the load generator that will test it.

    The messages are those of the load test, from customers of their own. InputError in one line when the
    target or token is wrong.
    """
    calibration = of_target(target, token, loaded)
    return msgspec.structs.replace(calibration, client_s=of_generator(target, token, loaded))


def of_target(target: str, token: str, loaded: Loaded, n: int = 300) -> Calibration:
    """Send `n` messages as often as the load test will, then as many at once over AT_ONCE connections.

    The first few are not timed, and what this client itself takes for a message is no part of the times. A
    target that does not tell its CPU time and commits in `GET /stats` counts as busy throughout, and as one
    that answers each message by itself.
    """
    messages = _messages(loaded, WARM_UP + 2 * n)
    with Client(target, token) as client:
        for message in messages[:WARM_UP]:
            _timed(client, message)
        before = _told(client)
        own_s = -process_time()
        times_s = [_timed(client, message, _gap_s(loaded)) for message in messages[WARM_UP:][:n]]
        own_s += process_time()
        between = _told(client)
        _send_at_once(target, token, messages[WARM_UP + n :])
        after = _told(client)
    times_s = [max(took_s - own_s / n, LEAST_SHARE * took_s) for took_s in times_s]
    if before is None or between is None or after is None:
        return Calibration(times_s, 1.0)
    busy_share = min(1.0, (between.cpu_s - before.cpu_s) / sum(times_s))
    in_groups = 0 < after.commits - between.commits <= n / LEAST_GROUP
    return Calibration(times_s, busy_share, (after.cpu_s - between.cpu_s) / n if in_groups else None)


def of_generator(target: str, token: str, loaded: Loaded) -> float:
    """Processor time of the load generator for a message, in s: one place sends as often as all will."""
    plan = plan_of(
        loaded,
        target,
        token,
        _customers(CUSTOMERS),
        conversations=1,
        ramp_s=RAMP_S,
        duration_s=GENERATOR_S,
        timeout_s=GENERATOR_S,
        think_time_mean_s=_gap_s(loaded),
    )
    trace = generate(plan, lambda _: None)
    seen = sum(RAMP_S <= done_s < RAMP_S + GENERATOR_S for done_s in trace.requests.done_s)
    return (trace.cpu_s[RAMP_S + GENERATOR_S] - trace.cpu_s[RAMP_S]) / max(1, seen)


def _gap_s(loaded: Loaded) -> float:
    """Between two messages of the load test, if each is answered at once, MOST_GAP_S at most.

    Whoever is asked again and again without a pause answers sooner: all that it needs is at hand.
    """
    conversations = loaded.scenario.conversations
    return min(MOST_GAP_S, conversations.think_time_mean_s / conversations.at_once)


def _customers(count: int) -> list[str]:
    first = NUMBERS + secrets.randbelow(NUMBERS // 2)
    return [made_up_number(first + number) for number in range(count)]


def _messages(loaded: Loaded, count: int) -> list[Message]:
    scenario = loaded.scenario
    scripts, seed = scenario.conversations.scripts, scenario.experiment.seed
    return [
        (customer, text)
        for number, customer in enumerate(_customers(count))  # a conversation has at least one message
        for text, _, _ in conversation(scripts, (), 1.0, seed, number).messages
    ][:count]


def _send_at_once(target: str, token: str, messages: Sequence[Message]) -> None:
    """Over AT_ONCE connections, each one after another."""

    def send(some: Sequence[Message]) -> None:
        with Client(target, token) as client:
            for message in some:
                _timed(client, message)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(send, (messages[at::AT_ONCE] for at in range(AT_ONCE))))


def _told(client: Client) -> Told | None:
    """What the target says that it has used and done so far, if it does."""
    stats = client.call("GET", "/stats")
    if "process_cpu_s" not in stats or "commits" not in stats:
        return None
    return Told(float(stats["process_cpu_s"]), int(stats["commits"]))


def _timed(client: Client, message: Message, gap_s: float = 0.0) -> float:
    """Seconds from a message to its answer; it takes `gap_s` in all, or as long as the answer."""
    customer, text = message
    body = msgspec.json.encode({"from": customer, "text": text, "message_id": secrets.token_hex(8)})
    sent = perf_counter()
    status, _ = client.exchange("POST", "/reply", body)
    took_s = perf_counter() - sent
    if status != 200:
        raise InputError(f"target: {client.target} answered POST /reply with {status}")
    sleep(max(0.0, gap_s - took_s))
    return took_s
