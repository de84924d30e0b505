"""A real emulator process, and a receiver of its webhooks, for the tests of this folder."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn

ROOT = Path(__file__).parents[2]
TOKEN = "a token of the tests, long enough"
HEADER = {"Authorization": f"Bearer {TOKEN}"}
SECRET = "an app secret of the tests"
VERIFY = "a verify token of the tests"
NUMBER, WABA, APP, BUSINESS = "106540000000001", "102290000000001", "670840000000001", "506910000000001"
WAIT_S = 30.0


_customers = count(1)


def new_customer() -> str:
    """A number that nobody has written to: the pair rate is counted for each."""
    return f"4915112{next(_customers):06d}"


class Emulator(NamedTuple):
    url: str
    calls: httpx.Client  # of this module's own; others are made by `client`

    def client(self) -> httpx.Client:
        """A client of the test's own. Without certificates, whose loading takes longer than most tests."""
        return httpx.Client(base_url=self.url, headers=HEADER, timeout=WAIT_S, verify=False)

    def post(self, path: str, body: Any = None) -> Any:
        """A control or a call of the API that must be taken; its answer."""
        answer = self.calls.post(path, json=body if body is not None else {})
        assert answer.status_code < 300, answer.text
        return answer.json()

    def get(self, path: str, **query: str) -> Any:
        answer = self.calls.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: str, body: Any) -> Any:
        answer = self.calls.put(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def open_window(self, customer: str, number: str = NUMBER) -> str:
        """The customer writes, so that it may be answered freely; the message's id."""
        body = {"from": customer, "text": "hello", "number": number}
        return str(self.post("/emulator/messages", body)["id"])

    def subscribe(self, url: str) -> None:
        self.post(f"/{APP}/subscriptions", {"callback_url": url, "verify_token": VERIFY})


@contextlib.contextmanager
def emulator(*options: str) -> Iterator[Emulator]:
    """An emulator that listens; predictable customers unless the options say otherwise."""
    command = [sys.executable, "-m", "server.network.graph", "--port", "0", "--app-secret", SECRET]
    if "--customers" not in options:
        command += ["--customers", "predictable"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env={**os.environ, "WAVETANK_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        while not line.startswith("listening on "):
            assert line, process.stderr.read()
            line = process.stdout.readline()
        url = line.removeprefix("listening on ").strip()
        with httpx.Client(base_url=url, headers=HEADER, timeout=WAIT_S, verify=False) as calls:
            yield Emulator(url, calls)
    finally:
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert "Traceback" not in err, err
    for level in ("WARNING", "ERROR"):  # of a malformed request, which would be one each time
        assert level not in err, err


class Post(NamedTuple):
    body: bytes
    signature: str
    at_s: float

    @property
    def value(self) -> dict[str, Any]:
        """The value of the only change."""
        (entry,) = json.loads(self.body)["entry"]
        (change,) = entry["changes"]
        value: dict[str, Any] = change["value"]
        return value


class Receiver:
    """Takes webhooks and keeps them. `answer` decides the status of each."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answer: Callable[[Post], int] = lambda _post: 200
        self.url = ""

    def statuses(self, message_id: str | None = None) -> list[dict[str, Any]]:
        """All statuses that were told (of one message), in the order of arrival."""
        found = [one for post in list(self.posts) for one in _values(post, "statuses")]
        return [one for one in found if message_id in (None, one["id"])]

    def messages(self) -> list[dict[str, Any]]:
        return [one for post in list(self.posts) for one in _values(post, "messages")]

    def until(self, is_so: Callable[[], Any], wait_s: float = WAIT_S) -> Any:
        """Wait for it; what it found."""
        return until(is_so, wait_s, lambda: f"{len(self.posts)} posts: {self.posts[-3:]}")


def until(is_so: Callable[[], Any], wait_s: float = WAIT_S, shown: Callable[[], str] = lambda: "") -> Any:
    """Wait until it is truthy; its value."""
    end_s = time.monotonic() + wait_s
    while not (found := is_so()):
        assert time.monotonic() < end_s, f"waited {wait_s} s in vain; {shown()}"
        time.sleep(0.01)
    return found


def _values(post: Post, kind: str) -> list[dict[str, Any]]:
    changes = [change for entry in json.loads(post.body)["entry"] for change in entry["changes"]]
    return [one for change in changes for one in change["value"].get(kind, [])]


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver that listens on a free port of loopback."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            is_right = query.get("hub.verify_token") == [VERIFY]
            self._answer(200 if is_right else 403, query["hub.challenge"][0].encode() if is_right else b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            post = Post(body, self.headers["X-Hub-Signature-256"], time.monotonic())
            kept.posts.append(post)
            self._answer(kept.answer(post), b"ok")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: Any) -> None:
            pass  # the emulator may close a connection that it gave up

    server = Server(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def hosted(app: Any) -> Iterator[str]:
    """An ASGI application in a thread; its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=20)
