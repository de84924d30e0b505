"""A listening socket, and an application on it until the process is told to stop."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from scenarios.errors import InputError
from server.http.problems import MEDIA_TYPE, Problem
from server.http.seldom import Seldom

BACKLOG = 4096
KEEP_ALIVE_S = 75  # longer than the longest usual think time of a customer
STOP_S = 10  # for requests under way
REQUEST_S = 60.0  # assumed: the largest body takes that at 140 kB/s; an application may be stricter
MAX_HEAD = 32 * 1024  # bytes of a request's first line and headers; the longest filter takes 12 KiB
LINGER_S = 1.0  # assumed: to read on after a refusal
REFUSED = b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
NO_HTTP = Problem(400, "this is no HTTP/1.1 request")
TOO_LONG = Problem(431, f"the first line and the headers hold more than {MAX_HEAD} bytes")
# ASGI extension: a function of status, header lines and body that sends a whole response at once, if it can.
ANSWER = "wavetank.answer"
# Seconds after which a thread that computes lets another go on (Python: 5 ms): while the database's thread is
# at work, the event loop waits so long for its turn.
SWITCH_S = 0.001
ABORT = "wavetank.abort"  # ASGI extension: a function that closes the connection without an answer


def prepare_process() -> None:
    """Log warnings to stderr, the same one seldom; let threads take quick turns; allow as many connections as
    the system does.
    """
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
    for malformed in ("uvicorn.error", "python_multipart"):  # a malformed request would warn each time
        logging.getLogger(malformed).setLevel(logging.ERROR)
    sys.setswitchinterval(SWITCH_S)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # the soft limit of 1,024 is below a load test
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; InputError when it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InputError(
            f"--port {port}: cannot listen on {host}: {error.strerror or error}; "
            "give another port, or 0 for a free one"
        ) from None
    return listener


def greeting(listener: socket.socket, made: str | None) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    first = f"token: {made}  (shown once)\n" if made is not None else ""
    return f"{first}listening on http://{shown}:{port}\n"


def announce(text: str) -> None:
    """Say on stdout, where a program may wait for it, that connections are accepted.

    That nobody reads it, as behind `| true`, is no reason not to serve.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # for what is still in the buffer
        os.close(nowhere)


async def run(
    app: ASGIApp,
    listener: socket.socket,
    ready: Callable[[], None],
    stopping: Callable[[], None] | None = None,
    leash: int | None = None,
) -> None:
    """Serve `app` until SIGINT or SIGTERM and finish what is under way; `stopping` is called before that.

    `ready` is called once it accepts. `leash` is a file descriptor; that it can be read, as when its other
    side is closed, stops the server like a signal.
    """
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",  # there are no WebSockets here
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        backlog=BACKLOG,
        server_header=False,
        proxy_headers=False,  # nothing here asks for the address of a client
    )
    server = _Server(config, ready, stopping or (lambda: None))
    if leash is not None:
        server.stop_when_readable(leash)
    await server.serve(sockets=[listener])


class _Protocol(HttpToolsProtocol):
    """Also lets an application close a connection without an answer, as a network does that fails.

    A request that has begun must be there within REQUEST_S, and its head may hold MAX_HEAD bytes: a slow or
    endless client holds neither a connection nor memory for ever. What is refused here is told as a problem
    document. Only a request that does not come in one piece costs a timer.
    """

    _is_whole = True
    _extensions: dict[Any, Any]  # of this request
    _deadline: asyncio.TimerHandle | None = None
    _is_head = False  # it has begun and not ended
    _head = 0  # bytes that came before what is parsed now, of a head that had not ended by then
    _piece = 0  # bytes that are parsed now
    _is_refused = False

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._piece = len(data)
        super().data_received(data)
        if self._is_refused:
            return
        self._head = self._head + len(data) if self._is_head else 0
        if self._head > MAX_HEAD:
            self._refuse(TOO_LONG)
        elif self._is_whole:
            self._forget_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_S, self._give_up)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_whole, self._is_head = False, True
        self._extensions = {ABORT: self.transport.abort}
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        self._is_head = False
        if self._head + self._piece > MAX_HEAD and self._length_of_head() > MAX_HEAD:
            self._refuse(TOO_LONG)
            raise TOO_LONG  # stops the parser
        if self.url.startswith(b"//"):  # of a base URL that ends with a slash; it would read as a host
            self.url = b"/" + self.url.lstrip(b"/")
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and self.scope["method"] != "HEAD":
            self._extensions[ANSWER] = partial(_answer, self.cycle)

    def _length_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_whole = True

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's says None, asyncio's this
        """The client sends nothing more; whether it is still to be told something.

        It may have closed its side alone, and wait for what it asked. Who has got a part of the answer, as of
        a stream without end, has left.
        """
        cycle = self.cycle
        if self._is_refused or not self._is_whole or cycle is None or cycle.response_started:
            return False
        cycle.keep_alive = False  # the last one: those before it are answered too
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """The parser gave up: on what is no HTTP, or because it was told to."""
        if not self._is_refused:
            self._refuse(NO_HTTP)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._refuse(Problem(408, f"the request did not arrive within {REQUEST_S:g} s"))

    def _refuse(self, problem: Problem) -> None:
        """Say so, unless an answer has begun, and close.

        What still comes is thrown away for a moment: a connection that is closed with something unread is
        reset, and its client may never see the answer.
        """
        self._is_refused = True
        self._forget_deadline()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            if self.cycle.response_started:
                self.transport.close()
                return
            self.cycle.disconnected = True  # nothing more is said
            self.cycle.message_event.set()
        body = problem.document()
        title = HTTPStatus(problem.status).phrase.encode()
        self.transport.write(REFUSED % (problem.status, title, MEDIA_TYPE, len(body), body))
        self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_S, self.transport.close)


def _answer(cycle: RequestResponseCycle, status: int, headers: bytes, body: bytes) -> bool:
    """Send the whole response, and be done with the request; False: `send` must, which waits for the client.

    In one write, where `send` takes two and looks at each header again: a tenth of a bare request.
    """
    if cycle.flow.write_paused or cycle.response_started:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.scope["extensions"].clear()  # one of them is of the cycle: a circle that only the collector finds
    cycle.waiting_for_100_continue = False
    if not cycle.disconnected:
        own = _lines(tuple(cycle.default_headers))
        closing = b"" if cycle.keep_alive else b"connection: close\r\n"
        cycle.transport.write(b"".join((STATUS_LINE[status], own, headers, closing, b"\r\n", body)))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
    return True


@lru_cache(maxsize=1)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Those of every answer change once a second: its date."""
    return b"".join([b"%s: %s\r\n" % header for header in headers])


class _Server(uvicorn.Server):
    """Says when it really accepts, and returns on a signal instead of dying of it: there is more to close."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    def stop_when_readable(self, file: int) -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.remove_reader(file)
            self.should_exit = True

        loop.add_reader(file, stop)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
