"""Kills a server under load again and again, and counts what became of every message."""

import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import httpx
from databases import Databases, databases
from running_server import HEADER, Running, numbers, running, write_scenario

SIZE = 60  # recipients of a batch
SENDERS = 2
LIVES = 4  # on PostgreSQL: so many kills of single workers, the last of the whole server, then a new start
OPTIONS = (
    "--speed=120",
    "--set=pacing.rate_per_min=60",
    "--set=pacing.rate_per_hour=3600",
    "--set=pacing.rate_per_day=100000",
    "--set=pacing.equal_content_gap_s=0",
    "--set=pacing.customer_cap=100000",
    "--set=pacing.quiet_from=00:00",
    "--set=pacing.quiet_until=00:00",
    "--set=campaign.retry_after_h=0.05",
    # Half a second of ours, so that many are under way at a kill; no phone is away for an hour of the clock,
    # for which the last message would be waited for.
    "--set=network.delivery_delay_median_s=60",
    "--set=network.delivery_delay_log_sd=0.5",
)
CLAIMED = re.compile(r"claimed before a stop: (\d+) messages; the network has (\d+) of them")


@dataclass(slots=True)
class Load:
    """Batch after batch, each under its own key, asked for until it is acknowledged."""

    url: str = ""
    acknowledged: dict[str, int] = field(default_factory=dict)  # accepted messages by batch
    asked_again: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        senders = [threading.Thread(target=self._send, args=(index,)) for index in range(SENDERS)]
        for sender in senders:
            sender.start()
        try:
            yield
        finally:
            self._stopped.set()
            for sender in senders:
                sender.join()

    def until_more(self) -> None:
        """Until another batch is acknowledged."""
        before, end = len(self.acknowledged), time.monotonic() + 240
        while len(self.acknowledged) <= before:
            assert time.monotonic() < end, "no batch was acknowledged"
            time.sleep(0.005)

    def _send(self, sender: int) -> None:
        for index in range(1_000_000):
            recipients = [{"to": number, "variables": {"n": number}} for number in numbers("212", SIZE)]
            body = {"template": f"{sender}/{index} {{n}}", "recipients": recipients}
            while (answer := self._ask(f"{sender}/{index}", body)) is None:
                self.asked_again += 1
                if self._stopped.wait(0.02):
                    return
            self.acknowledged[answer["batch_id"]] = answer["accepted"]
            if self._stopped.wait(0.05):
                return

    def _ask(self, key: str, body: object) -> dict[str, object] | None:
        try:
            headers = {**HEADER, "Idempotency-Key": key}
            answer = httpx.post(f"{self.url}/send", json=body, headers=headers, timeout=20)
        except httpx.TransportError:
            return None
        assert answer.status_code in (202, 503), answer.text
        return answer.json() if answer.status_code == 202 else None


class Outcome(NamedTuple):
    """One line of the kill table. All but the first counts are of messages that were acknowledged."""

    database: str
    kills: int
    batches: int
    messages: int
    delivered: int
    failed: int
    in_no_final_state: int
    lost: int
    unknown_at_a_kill: int
    found_at_the_network: int
    handed_over_twice: int
    delivered_twice: int
    disagreements: int
    dangling_references: int  # on SQLite, whose server does not check what a row refers to


def survive(kind: str, folder: Path, kills: int) -> Outcome:
    """Kill a server under load so often, let a last one finish, and count."""
    draw = random.Random(kills)
    scenario, load, said = write_scenario(folder, SIZE), Load(), list[str]()
    with databases(kind, folder) as used:
        with load.going_on():
            for lives in _split(kills, 1 if kind == "sqlite" else LIVES):
                with running(scenario, used.db, *used.options, *OPTIONS) as server:
                    load.url = server.url
                    for life in range(lives):
                        load.until_more()
                        time.sleep(draw.uniform(0.0, 0.5))
                        _kill(server, draw, all_of_it=life == lives - 1)
                said += server.errors
        with running(scenario, used.db, *used.options, *OPTIONS) as server, server.client() as client:
            counts = _finish(client, load.acknowledged)
        said += server.errors
        return _outcome(kind, kills, used, load.acknowledged, counts, "".join(said))


def _split(kills: int, most: int) -> list[int]:
    whole, rest = divmod(kills, most)
    return [most] * whole + [rest] * (rest > 0)


def _kill(server: Running, draw: random.Random, *, all_of_it: bool) -> None:
    workers = server.workers()
    if all_of_it:
        server.process.kill()
        server.process.wait()
        victims = workers
    else:
        victims = [draw.choice(workers)]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)


def _finish(client: httpx.Client, acknowledged: dict[str, int]) -> dict[str, dict[str, int]]:
    """The states of each acknowledged batch once nothing is under way, of other batches neither."""
    end = time.monotonic() + 300
    while any(client.get("/stats").json()["messages"][state] for state in ("queued", "sending", "sent")):
        assert time.monotonic() < end, "messages are under way for too long"
        time.sleep(0.1)
    return {batch: client.get(f"/send/{batch}").json()["counts"] for batch in acknowledged}


def _outcome(
    kind: str,
    kills: int,
    used: Databases,
    acknowledged: dict[str, int],
    counts: dict[str, dict[str, int]],
    said: str,
) -> Outcome:
    accepted = sum(acknowledged.values())
    delivered = sum(count["delivered"] for count in counts.values())
    failed = sum(count["failed"] for count in counts.values())
    recorded = used.read(
        "SELECT message_id, attempt, sent_s FROM attempts UNION ALL SELECT id, attempt, sent_s FROM messages"
    )
    taken = used.read_record("SELECT message_id, attempt, sent_s, times, reason FROM accepted")
    arrived = [row["message_id"] for row in taken if row["reason"] is None]
    claimed = CLAIMED.findall(said)
    return Outcome(
        database="SQLite" if kind == "sqlite" else "PostgreSQL, 2 workers",
        kills=kills,
        batches=len(acknowledged),
        messages=accepted,
        delivered=delivered,
        failed=failed,
        in_no_final_state=accepted - delivered - failed,
        lost=accepted - sum(sum(count.values()) for count in counts.values()),
        unknown_at_a_kill=sum(int(all_of_them) for all_of_them, _ in claimed),
        found_at_the_network=sum(int(found) for _, found in claimed),
        handed_over_twice=sum(row["times"] > 1 for row in taken),
        delivered_twice=len(arrived) - len(set(arrived)),
        disagreements=len(
            {(row["message_id"], row["attempt"], row["sent_s"]) for row in recorded}
            ^ {(row["message_id"], row["attempt"], row["sent_s"]) for row in taken}
        ),
        dangling_references=len(used.read("PRAGMA foreign_key_check")) if kind == "sqlite" else 0,
    )


def table(outcomes: list[Outcome]) -> str:
    """For people: a line for each count, a column for each database."""
    rows = [
        f"{name.replace('_', ' '):24}" + "".join(f"{getattr(outcome, name):>24}" for outcome in outcomes)
        for name in Outcome._fields
    ]
    return "\n".join(rows)
