"""The emulator at 1,000 messages a second on one number, with three signed webhooks an outbound message.

    make bench-emulator

One process is the emulator, on one core; this one sends, receives every webhook over HTTP, checks its
signature and notes when it came. The lag of a webhook is the time from the moment that it was due (from the
sending, plus the emulated delay) to its arrival here. In a plain test run a short and slow piece of it is run, to
see that nothing is lost; how fast it was is then not asserted.
"""

import asyncio
import hmac
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httptools
import msgspec
import numpy as np
import psutil
import pytest

from server.network.graph.posting import Connection, Reply, Target, connect

ROOT = Path(__file__).parents[2]
TOKEN, SECRET = "a token of the benchmark", "a secret of the benchmark"
NUMBER = "106540000000001"
SPEED = 1.25  # so that 1,000 a real second stay under the 1,000 an emulated second that the platform allows
STATUS_DELAYS_S = {"sent": 0.2, "delivered": 1.2, "read": 3.2}  # of predictable customers, emulated
SENDERS = 32
HEAD = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"


@dataclass
class Seen:
    """What arrived: lags in real seconds, by kind; the keys of updates, to find what is lost or doubled."""

    lags_s: list[float] = field(default_factory=list)
    statuses: set[tuple[str, str]] = field(default_factory=set)
    inbound: set[str] = field(default_factory=set)
    webhooks: int = 0
    wrong: int = 0


class Hook(asyncio.Protocol):
    """A receiver of webhooks: answers 200 at once."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._parser: Any = httptools.HttpRequestParser(self)
        self._body = b""
        self._signature = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == b"X-Hub-Signature-256":
            self._signature = value

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        take(self._seen, self._body, self._signature.decode(), time.monotonic())


def take(seen: Seen, body: bytes, signature: str, now_s: float) -> None:
    """Note each update of a webhook."""
    seen.webhooks += 1
    seen.wrong += signature != "sha256=" + hmac.digest(SECRET.encode(), body, "sha256").hex()
    for entry in msgspec.json.decode(body)["entry"]:
        for change in entry["changes"]:
            for status in change["value"].get("statuses", ()):
                opaque = status["biz_opaque_callback_data"]
                due_s = float(opaque.split()[1]) + STATUS_DELAYS_S[status["status"]] / SPEED
                seen.lags_s.append(now_s - due_s)
                seen.statuses.add((opaque, status["status"]))
            for message in change["value"].get("messages", ()):
                seen.lags_s.append(now_s - float(message["text"]["body"].split()[1]))
                seen.inbound.add(message["text"]["body"])


def request(path: str, body: dict[str, Any]) -> bytes:
    encoded = msgspec.json.encode(body)
    return f"POST {path} HTTP/1.1\r\n{HEAD}Content-Length: {len(encoded)}\r\n\r\n".encode() + encoded


def outbound(index: int) -> bytes:
    template = {"name": "hello_world", "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": f"4915{index:09d}", "type": "template"}
    opaque = f"{index} {time.monotonic()}"
    return request(
        f"/v26.0/{NUMBER}/messages", {**body, "template": template, "biz_opaque_callback_data": opaque}
    )


def inbound(index: int) -> bytes:
    text = f"{index} {time.monotonic()}"
    return request("/emulator/messages", {"from": f"4916{index:09d}", "text": text})


async def send(target: Target, rate: float, seconds: float, share_out: float) -> tuple[int, int, int]:
    """At a steady rate from SENDERS connections, whatever the answers take; taken out, taken in, refused."""
    counts = {"out": 0, "in": 0, "refused": 0}
    total, began = int(rate * seconds), time.monotonic()
    turn = iter(range(total))

    async def one(connection: Connection) -> None:
        for index in turn:
            if (wait_s := began + index / rate - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            is_out = int((index + 1) * share_out) > int(index * share_out)
            reply: Reply = await connection.ask(outbound(index) if is_out else inbound(index))
            counts["refused" if reply.status >= 300 else "out" if is_out else "in"] += 1

    connections = [await connect(target) for _ in range(SENDERS)]
    await asyncio.gather(*(one(connection) for connection in connections))
    for connection in connections:
        connection.close()
    return counts["out"], counts["in"], counts["refused"]


async def bare_cpu_ms(rate: float, seconds: float) -> float:
    """CPU of a bare route for one request at this rate, as the machine is now: what figures are divided by."""
    code = (
        "import asyncio, uvloop; from server.http.listening import bind, run\n"
        "async def app(scope, receive, send):\n"
        "    await receive()\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', b'2')]})\n"
        "    await send({'type': 'http.response.body', 'body': b'{}'})\n"
        "one = bind('127.0.0.1', 0)\n"
        "ready = lambda: print(one.getsockname()[1], flush=True)\n"
        "asyncio.Runner(loop_factory=uvloop.new_event_loop).run(run(app, one, ready))\n"
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=pipe)
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        usage = psutil.Process(process.pid)
        before_s = sum(usage.cpu_times()[:2])
        taken, _, _ = await send(Target("127.0.0.1", port, "/", False, b"x"), rate, seconds, 1.0)
        return 1000 * (sum(usage.cpu_times()[:2]) - before_s) / taken
    finally:
        process.terminate()
        await process.wait()


async def run(rate: float, seconds: float, share_out: float, batch: int) -> dict[str, float]:
    """One run, with its figures."""
    seen = Seen()
    loop = asyncio.get_running_loop()
    receiver = await loop.create_server(lambda: Hook(seen), "127.0.0.1", 0)
    hook = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
    options = f"--port 0 --customers predictable --throughput upgraded --tier 4 --speed {SPEED}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server.network.graph", *options.split()),
        *("--app-secret", SECRET, "--webhook-url", hook, "--webhook-batch", str(batch)),
        cwd=ROOT,
        env={**os.environ, "WAVETANK_TOKEN": TOKEN},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = b""
        while not line.startswith(b"listening on "):
            line = await process.stdout.readline()
            assert line
        port = int(line.rsplit(b":", 1)[1])
        usage = psutil.Process(process.pid)
        before_s, began_s = sum(usage.cpu_times()[:2]), time.monotonic()
        out, taken_in, refused = await send(
            Target("127.0.0.1", port, "/", False, b"x"), rate, seconds, share_out
        )
        sending_s = time.monotonic() - began_s
        deadline = time.monotonic() + 30
        while len(seen.statuses) < 3 * out or len(seen.inbound) < taken_in:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        cpu_s = sum(usage.cpu_times()[:2]) - before_s
    finally:
        process.terminate()
        await process.wait()
        receiver.close()
    lags = np.array(seen.lags_s)
    return {
        "taken_per_s": (out + taken_in) / sending_s,
        "out": out,
        "in": taken_in,
        "refused": refused,
        "lost": 3 * out - len(seen.statuses) + taken_in - len(seen.inbound),
        "doubled": len(lags) - len(seen.statuses) - len(seen.inbound),
        "wrong_signatures": seen.wrong,
        "webhooks": seen.webhooks,
        "median_lag_s": float(np.median(lags)),
        "share_over_1_s": float(np.mean(lags > 1.0)),
        "cpu_ms_a_message": 1000 * cpu_s / (out + taken_in),
    }


@pytest.mark.parametrize(("share_out", "batch"), [(0.5, 1), (1.0, 1), (1.0, 1000)])
def test_one_number_at_1000_messages_a_second(
    share_out: float, batch: int, request: pytest.FixtureRequest
) -> None:
    """In and out by halves; and all out, with a webhook for each status, and in batches."""
    measures = bool(request.config.getoption("benchmark_enable"))
    seconds = float(os.environ.get("BENCH_SECONDS", "60"))
    figures = asyncio.run(run(1000, seconds, share_out, batch) if measures else run(100, 1, share_out, batch))
    bare_ms = asyncio.run(bare_cpu_ms(1000, min(5.0, seconds))) if measures else 0.0
    if measures:
        figures["bare_requests_a_message"] = figures["cpu_ms_a_message"] / bare_ms
    print(f"\n{share_out:.0%} out, up to {batch} updates a webhook:")
    print("  " + ", ".join(f"{name} {value:,.3g}" for name, value in figures.items()))
    assert figures["refused"] == figures["lost"] == figures["doubled"] == figures["wrong_signatures"] == 0
    if measures:
        assert figures["taken_per_s"] > 980
        assert figures["median_lag_s"] < 0.25
        assert figures["share_over_1_s"] < 0.01
