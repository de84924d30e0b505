"""Send, tag, reply, stop, pause, ban and retry against a model a page long.

The server's own parts without HTTP, on a clock that jumps from one event to the next: days pass in
milliseconds. What the emulated network took is the judge: it keeps its own record.
"""

import asyncio
import logging
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from scenarios.loading import load
from server import service
from server.analytics.figures import history
from server.clock import Clock
from server.contacts.tagging import Tag
from server.conversations.replying import heard
from server.http.problems import Problem
from server.sending import dispatcher
from server.sending.accepting import read_send
from server.sending.delivering import Ban
from server.sending.holding import Cancel, Pause, Resume
from server.service import Service, open_service
from server.wire import SendBody

PHONES = [f"+1212555010{n}" for n in range(8)]
TAGS = ("red", "blue")
ACCOUNTS = 3
RETRY_S = 86_400.0  # C028
STRIDE_S = 600.0  # jumped beyond an event, so that its neighbours are done with it
MEMORY = Path("/dev/shm")  # where a flush costs nothing
FINAL = ("delivered", "failed", "cancelled")
LOADED = load(
    "bulk_send",
    [
        "population.size=1",
        f"accounts.count={ACCOUNTS}",
        "accounts.new_count=1",
        "campaign.retries=1",
        "network.delivery_rate=0.6",
        "network.unregistered_fraction=0.1",
        "network.handover_loss=0.2",
        "pacing.customer_cap=100",
    ],
)
START_S = LOADED.scenario.experiment.start.timestamp()
people = st.sets(st.integers(0, len(PHONES) - 1), min_size=1)


class Server(RuleBasedStateMachine):
    """`self.*` is the model; `self.service` the server."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        path = Path(self.folder.name) / "w.db"
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        opened = open_service(LOADED, path, start_s=START_S, speed=1.0, scopes_of={})
        self.service: Service = self.runner.run(self.stack.enter_async_context(opened))
        self.own = sqlite3.connect(path)
        self.record = sqlite3.connect(path.with_name("w.network.db"))
        self.batches: dict[str, str] = {}  # to their state: running, paused, cancelled
        self.stopped: set[str] = set()
        self.banned: set[int] = set()
        self.carried: set[tuple[str, str]] = set()
        self.keys: dict[str, tuple[bytes, bytes]] = {}
        self.final: dict[int, str] = {}
        self.judged: set[tuple[int, int]] = set()  # attempts on record that were found to be right
        self.before: tuple[set[str], dict[str, str], set[int]] = (set(), {}, set())  # the last step
        self._submit(Tag([PHONES[0]], [], [], TAGS, [], may_make_tags=True))
        self._submit(Tag([PHONES[0]], [], [], [], TAGS, may_make_tags=True))

    # What customers, senders, administrators and time do.

    @rule(who=people, key=st.sampled_from([None, None, "k1", "k2"]), hours=st.sampled_from([0, 0, 5]))
    def send(self, who: set[int], key: str | None, hours: int) -> None:
        given: dict[str, Any] = {"template": "Hi", "recipients": [{"to": PHONES[n]} for n in sorted(who)]}
        if hours and key is None:
            given["schedule"] = _iso(self.service.clock.now() + hours * 3600)
        body = msgspec.json.encode(given)
        answer = self._run(self._send(body, key))
        first = self.keys.get(key or "")
        if first is not None and isinstance(answer, Problem):
            assert answer.status == 409  # another body, or more than a day later
        elif first is not None:
            assert (body, answer) == first
        else:
            self._note(answer, who, body, key)

    def _note(self, answer: bytes, who: set[int], body: bytes, key: str | None) -> None:
        accepted = msgspec.json.decode(answer)
        assert accepted["accepted"] == sum(PHONES[n] not in self.stopped for n in who)
        assert {one["reason"] for one in accepted["rejected"]} <= {"opted_out"}
        self.batches[accepted["batch_id"]] = "running"
        if key is not None:
            self.keys[key] = (body, answer)

    async def _send(self, body: bytes, key: str | None) -> bytes | Problem:
        decoded = msgspec.json.decode(body, type=SendBody)
        request = await read_send(decoded, key, self.service.numbers, self.service.audiences)
        try:
            return bytes(await self.service.writer.submit(request))
        except Problem as problem:
            return problem

    @rule(who=st.integers(0, len(PHONES) - 1))
    def stop(self, who: int) -> None:
        answer = msgspec.json.decode(self._submit(heard(PHONES[who], "STOP")))
        assert answer["action"] == "opted_out"
        self.stopped.add(PHONES[who])

    @rule(who=st.integers(0, len(PHONES) - 1))
    def ask(self, who: int) -> None:
        answer = msgspec.json.decode(self._submit(heard(PHONES[who], "What is the price?")))
        assert answer["action"] in ("answered", "escalated")

    @rule(who=people, tag=st.sampled_from(TAGS), gives=st.booleans())
    def tag(self, who: set[int], tag: str, gives: bool) -> None:
        phones = [PHONES[n] for n in sorted(who)]
        add, remove = ([tag], []) if gives else ([], [tag])
        tagged = self._submit(Tag(phones, [], [], add, remove, may_make_tags=False))
        pairs = {(phone, tag) for phone in phones}
        assert tagged.changed == len(pairs - self.carried if gives else pairs & self.carried)
        self.carried = self.carried | pairs if gives else self.carried - pairs

    @precondition(lambda self: self.batches)
    @rule(place=st.integers(0, 99), kind=st.sampled_from([Pause, Resume, Cancel]))
    def hold(self, place: int, kind: Any) -> None:
        batch = sorted(self.batches)[place % len(self.batches)]
        answer = self._run(self._try(kind(batch)))
        if self.batches[batch] == "cancelled" and kind is not Cancel:
            assert isinstance(answer, Problem)
        else:
            self.batches[batch] = {Pause: "paused", Resume: "running", Cancel: "cancelled"}[kind]

    @rule(account=st.integers(0, ACCOUNTS - 1))
    def ban(self, account: int) -> None:
        assert self._submit(Ban(account)) is not None
        self.banned.add(account)

    @rule(minutes=st.sampled_from([1, 30, 12 * 60, 25 * 60]))
    def wait(self, minutes: int) -> None:
        self._run(self._pass(minutes * 60.0))

    # What must hold after each of them.

    @invariant()
    def what_the_network_took_it_might(self) -> None:
        """Nothing after a STOP, of a batch that is held, on a banned account, twice, or too early."""
        query = "SELECT message_id, attempt, account, phone, sent_s FROM accepted"
        rows = self.record.execute(query).fetchall()
        batch_of = dict(self.own.execute("SELECT id, batch_id FROM messages"))
        stopped, batches, banned = self.before
        sent_s = {(message, attempt): at_s for message, attempt, _, _, at_s in rows}
        for message, attempt, account, phone, at_s in rows:
            if (message, attempt) in self.judged:
                continue
            assert phone not in stopped
            assert batches.get(batch_of[message], "running") == "running"
            assert account not in banned
            assert attempt in (1, 2)
            assert attempt == 1 or at_s >= sent_s[message, 1] + RETRY_S
        self.judged = set(sent_s)
        self.before = (set(self.stopped), dict(self.batches), set(self.banned))

    @invariant()
    def states_are_final_and_nobody_waits_in_vain(self) -> None:
        query = (
            "SELECT m.id, m.status, c.phone, m.batch_id FROM messages m JOIN contacts c ON c.id = contact_id"
        )
        for message, status, phone, batch in self.own.execute(query):
            assert self.final.get(message, status) == status
            if status in FINAL:
                self.final[message] = status
            if status in ("waiting", "queued", "paused"):
                assert phone not in self.stopped
                assert (status == "paused") == (self.batches[batch] == "paused")
                assert self.batches[batch] != "cancelled"

    @invariant()
    def counts_add_up(self) -> None:
        now_s = self.service.clock.now()
        look = partial(history, by="hour", start_s=START_S - 3600, end_s=now_s + 1, key=None)
        self._run(self._settle())
        told = sum(row.messages_sent for row in self._run(self.service.readers.run(look)).rows)
        (taken,) = self.record.execute("SELECT count(*) FROM accepted").fetchone()
        (unsure,) = self.own.execute("SELECT count(*) FROM messages WHERE status = 'sending'").fetchone()
        assert told <= taken <= told + unsure

    @invariant()
    def tags_are_those_given(self) -> None:
        query = (
            "SELECT c.phone, t.name FROM contact_tags ct "
            "JOIN contacts c ON c.id = contact_id JOIN tags t ON t.id = tag_id WHERE t.name IN ('red', 'blue')"
        )
        assert set(self.own.execute(query)) == self.carried

    def teardown(self) -> None:
        """Let go of all that is held: with an account left, everything comes to an end within some days."""
        if not hasattr(self, "service"):
            return
        try:
            for batch, state in self.batches.items():
                if state == "paused":
                    self._submit(Resume(batch))
            self._run(self._pass(5 * 86_400.0))
            if len(self.banned) < ACCOUNTS:
                left = (
                    "SELECT id, attempt, status, due_s, release_s FROM messages "
                    "WHERE status NOT IN ('delivered', 'failed', 'cancelled')"
                )
                assert self.own.execute(left).fetchall() == []
        finally:
            self._run(self.stack.aclose())
            self.runner.close()
            self.own.close()
            self.record.close()
            self.folder.cleanup()

    def _run(self, work: Any) -> Any:
        return self.runner.run(work)

    def _submit(self, request: object) -> Any:
        return self._run(self.service.writer.submit(request))

    async def _try(self, request: object) -> Any:
        try:
            held = await self.service.writer.submit(request)
        except Problem as problem:
            return problem
        self.service.dispatcher.plan_anew()
        return held

    async def _pass(self, seconds: float) -> None:
        """Jump to events and a little beyond, and let the server do what is due."""
        clock = self.service.clock
        end_s = clock.now() + seconds
        await self._settle()
        while (next_s := self._next_s()) < end_s:
            clock.advance(min(end_s, next_s + STRIDE_S) - clock.now())
            await self._settle()
        clock.advance(max(0.0, end_s - clock.now()))
        await self._settle()

    async def _settle(self) -> None:
        async with asyncio.timeout(60):  # real seconds: a loaded machine is slow, not wrong
            while True:
                assert self.service.is_alive
                self.service.dispatcher.wake()
                await asyncio.sleep(0.001)
                if self._next_s() > self.service.clock.now() and not self._is_busy():
                    return

    def _is_busy(self) -> bool:
        """Whether something is under way that neither the network nor a confirmation is awaited for."""
        rows = self.own.execute(
            "SELECT id, status FROM messages WHERE status IN ('sending', 'sent')"
        ).fetchall()
        sender = self.service.dispatcher
        awaited = {
            "sending": set(sender.handovers._open),
            "sent": {one.message_id for one in sender._network._calendar},
        }
        return any(key not in awaited[state] for key, state in rows)

    def _next_s(self) -> float:
        """When there is something to do; now, if something is under way."""
        query = (
            "SELECT status, min(due_s) FROM messages WHERE status IN ('waiting', 'queued') GROUP BY status"
        )
        due = dict(self.own.execute(query).fetchall())
        if len(self.banned) == ACCOUNTS:
            due = {}
        sender = self.service.dispatcher
        return min([*due.values(), sender._network.next_status_s(), sender.handovers.next_s(), float("inf")])


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that moves when it is told; rounds without a rest; plans by parts; what is due within a stride is not late.

    What the server logs of its failures is left out.
    """
    monkeypatch.setattr(service, "Clock", partial(Clock, monotonic=lambda: 0.0))
    monkeypatch.setattr(dispatcher, "ROUND_S", 0.0)
    monkeypatch.setattr(dispatcher, "PART", 5)
    monkeypatch.setattr(dispatcher, "LATE_S", 2 * STRIDE_S)
    logger = logging.getLogger("server")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def test_the_server_does_what_the_model_does() -> None:
    run_state_machine_as_test(
        Server,
        settings=settings(
            max_examples=6,
            stateful_step_count=12,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
