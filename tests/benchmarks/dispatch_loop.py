"""How many messages a second the dispatcher sends through the emulated network, recorded durably.

    python dispatch_loop.py MESSAGES

Accepts and plans them, makes them all due at once, and prints how many a second are claimed, accepted by the
network and recorded as sent; what the network tells of their delivery meanwhile is recorded too.
"""

import asyncio
import contextlib
import gc
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop
from server_workloads import bulk_sends, write_scenario

from scenarios.loading import load
from server.sending import dispatcher
from server.sending.accepting import read_send
from server.service import Service, open_service
from server.store.opening import place_of
from server.store.tables import LEFT
from server.wire import SendBody

MOST = 10_000  # of one batch
# In the words of two indexes, so that looking costs nothing.
UNSENT = ("status = 'queued'", f"status = 'sending' AND {LEFT}")


async def rate(folder: Path, count: int) -> float:
    """Messages a second."""
    dispatcher.LATE_S = float("inf")  # all are due at once, and none is to be planned anew
    loaded = load(str(write_scenario(folder, count)), [])
    path, start_s = folder / "dispatch.db", loaded.scenario.experiment.start.timestamp()
    async with open_service(loaded, place_of(str(path)), start_s=start_s, speed=1, scopes_of={}) as service:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as beside:
            while not service.planner.fleet.open:  # the dispatcher has not begun
                await asyncio.sleep(0.01)
            gc.collect()
            gc.freeze()  # as a server does that has started
            await _accept(service, count)
            beside.execute("UPDATE messages SET due_s = ? WHERE status = 'queued'", (service.clock.now(),))
            unsent = sum(
                beside.execute(f"SELECT count(*) FROM messages WHERE {one}").fetchone()[0] for one in UNSENT
            )
            began = time.perf_counter()
            service.dispatcher.wake()
            while any(
                beside.execute(f"SELECT 1 FROM messages WHERE {one} LIMIT 1").fetchone() for one in UNSENT
            ):
                await asyncio.sleep(0.02)
        return float(unsent / (time.perf_counter() - began))


async def _accept(service: Service, count: int) -> None:
    decode = msgspec.json.Decoder(SendBody).decode
    size = min(count, MOST)
    requests = bulk_sends(count, size)
    for _ in range(count // size):
        body = decode(next(requests).split(b"\r\n\r\n", 1)[1])
        await service.writer.submit(
            await read_send(body, None, service.numbers, service.audiences), weight=size
        )


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        sys.stdout.write(f"{runner.run(rate(Path(folder), int(sys.argv[1]))):.1f}\n")


if __name__ == "__main__":
    main()
