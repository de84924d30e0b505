"""What the target needs for a message, alone and among others: from it a load test is predicted."""

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import msgspec

from loadtests.client import Client
from loadtests.conversations import conversation, made_up_number
from scenarios.errors import InputError
from scenarios.loading import Loaded
from scenarios.result import Calibration

WARM_UP = 100  # messages: first ones meet cold caches
NUMBERS = 5 * 10**9  # made-up customers from here on, apart from those of load tests
AT_ONCE = 16  # connections: so many are a group, and few enough for the threads of one process

Message = tuple[str, str]  # customer, text


def calibrate(target: str, token: str, loaded: Loaded, n: int = 300) -> Calibration:
    """Send `n` messages one after another to the idle target, then as many over AT_ONCE connections.

    The messages are those of the load test, from customers of their own; the first few are not timed. A
    target that does not tell its CPU time counts as busy throughout. InputError in one line when the target
    or token is wrong.
    """
    messages = _messages(loaded, WARM_UP + 2 * n)
    with Client(target, token) as client:
        for message in messages[:WARM_UP]:
            _timed(client, message)
        before_s = _cpu_s(client)
        times_s = [_timed(client, message) for message in messages[WARM_UP:][:n]]
        after_s = _cpu_s(client)
    busy_share = 1.0
    if before_s is not None and after_s is not None:
        busy_share = min(1.0, (after_s - before_s) / sum(times_s))
    each_s = _each_at_once_s(target, token, messages[WARM_UP + n :])
    # Quicker than it could be one by one: it answers several together.
    is_grouped = each_s < busy_share * sum(times_s) / n
    return Calibration(times_s, busy_share, each_s if is_grouped else None)


def _messages(loaded: Loaded, count: int) -> list[Message]:
    scenario = loaded.scenario
    scripts, seed = scenario.conversations.scripts, scenario.experiment.seed
    first = NUMBERS + secrets.randbelow(NUMBERS // 2)
    return [
        (made_up_number(first + number), text)
        for number in range(count)  # a conversation has at least one message
        for text, _, _ in conversation(scripts, (), 1.0, seed, number).messages
    ][:count]


def _each_at_once_s(target: str, token: str, messages: Sequence[Message]) -> float:
    """Seconds for each message when AT_ONCE connections send them, each one after another."""

    def send(some: Sequence[Message]) -> None:
        with Client(target, token) as client:
            for message in some:
                _timed(client, message)

    began = perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(send, (messages[at::AT_ONCE] for at in range(AT_ONCE))))
    return (perf_counter() - began) / len(messages)


def _cpu_s(client: Client) -> float | None:
    """CPU time that the target has used so far, if it tells."""
    cpu_s = client.call("GET", "/stats").get("process_cpu_s")
    return None if cpu_s is None else float(cpu_s)


def _timed(client: Client, message: Message) -> float:
    """Seconds from a message to its answer."""
    customer, text = message
    body = msgspec.json.encode({"from": customer, "text": text, "message_id": secrets.token_hex(8)})
    sent = perf_counter()
    status, _ = client.exchange("POST", "/reply", body)
    took_s = perf_counter() - sent
    if status != 200:
        raise InputError(f"target: {client.target} answered POST /reply with {status}")
    return took_s
