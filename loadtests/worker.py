"""Holds the conversations: `python -m loadtests.worker PLAN.json TRACE.json`, run by `loadtests.run`.

A process of its own, because importing locust patches the standard library for gevent: never import this
module from elsewhere.
"""

from locust import FastHttpUser, constant, task  # isort: skip  # first: it patches what the others import

import gc
import logging
import random
import resource
import select
import sys
from collections import Counter
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import ClassVar

import gevent
import gevent.socket
import msgspec
from gevent import monkey
from gevent.event import Event
from geventhttpclient.connectionpool import ConnectionPool
from locust.env import Environment
from locust.exception import StopUser

from loadtests.conversations import Conversation, Message, conversation, meaning
from loadtests.trace import FAILED, RIGHT, WRONG, Failure, Plan, Requests, Spans, Trace

NOT_IN_TIME = "none in time"
PHASES = -1  # number of the stream of starting times, beside the conversations' own from 0


class Recorder:
    """The clock of a run, its next conversation, and all that was seen."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.started = Event()
        self.zero = 0.0
        self.numbers = count()
        self.waiting = 0  # messages on their way
        self.open = 0  # conversations
        self.requests = Requests()
        self.spans = Spans()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.first_texts: dict[tuple[str, str], str] = {}
        self.cpu_s: list[float] = []

    @property
    def end_s(self) -> float:
        return self.plan.ramp_s + self.plan.duration_s

    def now_s(self) -> float:
        return perf_counter() - self.zero

    def next_conversation(self) -> Conversation:
        plan = self.plan
        return conversation(
            plan.scripts, plan.customers, plan.think_time_mean_s, plan.seed, next(self.numbers)
        )

    def note_request(
        self, message: Message, due_s: float, sent_s: float, got: str, *, failed: bool = False
    ) -> int:
        verdict = FAILED if failed else RIGHT if got == message.expect else WRONG
        rows = self.requests
        rows.due_s.append(due_s)
        rows.sent_s.append(sent_s)
        rows.done_s.append(self.now_s())
        rows.verdict.append(verdict)
        rows.escalated.append(got == "escalated")
        if verdict != RIGHT:
            way = ("an answer" if failed else message.expect, got)
            self.failures[way] += 1
            self.first_texts.setdefault(way, message.text)
        return verdict

    def trace(self) -> Trace:
        failures = [
            Failure(expected, got, self.first_texts[expected, got], times)
            for (expected, got), times in self.failures.most_common()
        ]
        return Trace(
            requests=self.requests,
            spans=self.spans,
            failures=failures,
            cpu_s=self.cpu_s,
        )


class Customer(FastHttpUser):
    """One place for a live conversation; when its customer leaves, the next customer takes it."""

    recorder: ClassVar[Recorder]
    phases: ClassVar[random.Random]
    concurrency = 1
    wait_time = constant(0)  # pauses are part of the conversation

    def on_start(self) -> None:
        """Start at a random moment of the ramp: places that start together would stay in step."""
        phase_s = self.phases.uniform(0.0, self.recorder.plan.ramp_s)
        self.recorder.started.wait()
        self.sleep_until(phase_s)

    @task
    def converse(self) -> None:
        recorder = self.recorder
        chat = recorder.next_conversation()
        due_s = recorder.now_s()
        recorder.spans.began_s.append(due_s)
        recorder.open += 1
        for turn, message in enumerate(chat.messages):
            verdict = self.say(message, chat, turn, due_s)
            answered_s = recorder.now_s()
            if verdict == RIGHT and message is chat.messages[-1]:
                recorder.spans.completed_s.append(answered_s)
            due_s = answered_s + message.pause_s
            self.sleep_until(due_s)
            if verdict == FAILED:
                break  # the customer gives up
        recorder.spans.ended_s.append(recorder.now_s())
        recorder.open -= 1

    def sleep_until(self, due_s: float) -> None:
        if due_s >= self.recorder.end_s:
            raise StopUser
        gevent.sleep(max(0.0, due_s - self.recorder.now_s()))

    def say(self, message: Message, chat: Conversation, turn: int, due_s: float) -> int:
        """Send one message and judge what the answer means."""
        recorder = self.recorder
        message_id = f"{recorder.plan.run}-{chat.number}-{turn}"
        body = {"from": chat.customer, "text": message.text, "message_id": message_id}
        recorder.waiting += 1
        sent_s = recorder.now_s()
        with self.client.post(
            "/reply", data=msgspec.json.encode(body).decode(), catch_response=True, name="/reply"
        ) as response:
            got, failed = _heard(response.status_code, response.content, getattr(response, "error", None))
            if recorder.now_s() - sent_s > recorder.plan.timeout_s:  # the client's own limit is for each read
                got, failed = NOT_IN_TIME, True
            verdict = recorder.note_request(message, due_s, sent_s, got, failed=failed)
            if verdict != RIGHT:
                response.failure(got)
        recorder.waiting -= 1
        return verdict


def _heard(status: int, content: bytes | None, error: Exception | None) -> tuple[str, bool]:
    """What an answer means, or why there is none and True."""
    if isinstance(error, TimeoutError):
        return NOT_IN_TIME, True
    if status == 0:
        return f"no connection ({type(error).__name__})", True
    if status != 200:
        return f"status {status}", True
    try:
        return meaning(msgspec.json.decode(content or b"", type=dict[str, object])), False
    except msgspec.DecodeError:
        return "not a JSON object", True


def _watch(recorder: Recorder) -> None:
    """Once a second: note the processor time used, and print a line on the last second."""
    rows = recorder.requests
    first = 0
    for second in range(int(recorder.end_s) + 1):
        gevent.sleep(max(0.0, second - recorder.now_s()))
        recorder.cpu_s.append(process_time())
        last = len(rows.done_s)
        if second:
            times = sorted(rows.done_s[row] - rows.due_s[row] for row in range(first, last))
            p95 = f"p95 {times[int(0.95 * len(times))] * 1000:.1f} ms" if times else "no answers"
            bad = sum(recorder.failures.values())
            sys.stdout.write(
                f"{second:3d} s  {recorder.open} conversations open  {last - first} requests/s  {p95}  "
                f"{bad} errors\n"
            )
            sys.stdout.flush()
        first = last


def _is_idle(pool: ConnectionPool, sock: gevent.socket.socket) -> bool:
    """Whether a kept-alive connection can be used again: open, and with nothing to read.

    Stands in for the pool's own check, whose select() knows no descriptor above 1023: all connections beyond
    would be made anew for every message.
    """
    if sock.fileno() < 0:
        return False
    poll = _poll()
    poll.register(sock.fileno(), select.POLLIN)
    return not poll.poll(0)


_poll = monkey.get_original("select", "poll")  # gevent's own would yield to other customers


def _allow_connections(connections: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 100
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def hold(plan: Plan) -> Trace:
    """Hold the plan's conversations; returns when they are over, at most timeout_s after the end."""
    ConnectionPool._is_socket_alive = _is_idle  # type: ignore[method-assign, assignment]
    logging.getLogger("locust").setLevel(logging.ERROR)  # not: this spawn rate is high
    recorder = Recorder(plan)
    Customer.recorder = recorder
    Customer.phases = random.Random(plan.seed * 2**32 + PHASES)
    Customer.host = plan.target
    Customer.network_timeout = Customer.connection_timeout = plan.timeout_s
    Customer.default_headers = {
        "Authorization": f"Bearer {plan.token}",
        "Content-Type": "application/json",
    }
    runner = Environment(user_classes=[Customer]).create_local_runner()
    runner.start(plan.conversations, spawn_rate=plan.conversations)
    assert runner.spawning_greenlet is not None  # start() has just set it
    runner.spawning_greenlet.join()
    gc.collect()
    gc.freeze()  # thousands of users stay to the end; looking through them again would cost a pause
    recorder.zero = perf_counter()
    watch = gevent.spawn(_watch, recorder)
    recorder.started.set()
    gevent.sleep(recorder.end_s)
    while recorder.waiting and recorder.now_s() < recorder.end_s + plan.timeout_s + 1.0:
        gevent.sleep(0.05)
    watch.join()
    runner.quit()
    for error in runner.exceptions.values():
        raise RuntimeError(error["traceback"])
    return recorder.trace()


def main(plan_file: str, trace_file: str) -> None:
    plan = msgspec.json.decode(Path(plan_file).read_bytes(), type=Plan)
    _allow_connections(plan.conversations)
    Path(trace_file).write_bytes(msgspec.json.encode(hold(plan)))


if __name__ == "__main__":
    main(*sys.argv[1:])
