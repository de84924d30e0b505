"""A load generator that costs little: one thread, one epoll, requests made beforehand.

It needs a fifth of the processor time of a client with an event loop, so that on two cores the server is what
is measured. Closed: each connection asks again when it is answered. Paced: requests fall due at a fixed rate,
and their latency counts from when they were due, so that a slow server cannot hide its own queue.
"""

import select
import socket
from collections import deque
from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple

import numpy as np

READ = 1 << 18
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


class Load(NamedTuple):
    """What came back. Latencies in seconds, ascending."""

    answered: int
    refused: int  # answers other than 2xx
    seconds: float
    latencies: np.ndarray

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.answered / self.seconds

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.latencies, percent)) * 1e3


def request(path: str, body: bytes, token: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connections:
    """Open connections to one server; use as a context manager."""

    def __init__(self, port: int, count: int) -> None:
        self._poll = select.epoll()
        self._sockets = {}
        self._partial: dict[int, bytes] = {}
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[one.fileno()] = one
            self._poll.register(one.fileno(), select.EPOLLIN)

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        for one in self._sockets.values():
            one.close()

    def closed(self, requests: Iterator[bytes], seconds: float) -> Load:
        """Each connection asks as often as it can, until the time is over or the requests are."""
        sockets, asked, latencies = self._sockets, {}, []
        refused = 0
        began = perf_counter()
        for fd, one in sockets.items():
            one.sendall(next(requests))
            asked[fd] = perf_counter()
        while asked:
            for fd, ok in self._answers(1.0):
                now = perf_counter()
                latencies.append(now - asked.pop(fd))
                refused += not ok
                if now - began < seconds and (following := next(requests, None)) is not None:
                    sockets[fd].sendall(following)
                    asked[fd] = now
        return _load(latencies, refused, perf_counter() - began)

    def paced(self, requests: Iterator[bytes], seconds: float, rate: float) -> Load:
        """`rate` requests a second, whatever the server does; over when all are answered."""
        free, asked, latencies = deque(self._sockets), {}, []
        refused, made, total = 0, 0, int(seconds * rate)
        began = perf_counter()
        while made < total or asked:
            due = min(total, int((perf_counter() - began) * rate) + 1)
            while made < due and free:
                fd = free.popleft()
                self._sockets[fd].sendall(next(requests))
                asked[fd] = began + made / rate
                made += 1
            for fd, ok in self._answers(0):
                latencies.append(perf_counter() - asked.pop(fd))
                refused += not ok
                free.append(fd)
        return _load(latencies, refused, perf_counter() - began)

    def _answers(self, wait_s: float) -> Iterator[tuple[int, bool]]:
        """Connections whose answer is complete, and whether it was a 2xx."""
        for fd, _ in self._poll.poll(wait_s):
            data = self._sockets[fd].recv(READ)
            if not data:
                raise ConnectionError("the server closed a connection under load")
            if self._partial:
                data = self._partial.pop(fd, b"") + data
            if _is_whole(data):
                yield fd, data.startswith(b"HTTP/1.1 2")
            else:
                self._partial[fd] = data


def _is_whole(data: bytes) -> bool:
    head = data.find(HEAD_END)
    if head < 0:
        return False
    at = data.find(LENGTH, 0, head) + len(LENGTH)
    return len(data) >= head + len(HEAD_END) + int(data[at : data.find(b"\r", at)])


def _load(latencies: list[float], refused: int, seconds: float) -> Load:
    return Load(len(latencies), refused, seconds, np.sort(np.array(latencies)))
