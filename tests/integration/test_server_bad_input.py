"""Requests that no well-meaning client makes: each is a problem that names what is wrong, and changes nothing."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from running_server import HEADER, Running, running, write_scenario

ONE: dict[str, Any] = {"template": "Hi", "recipients": [{"to": "+12125550150"}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """At the end it is stopped, and must have had nothing to say of all this."""
    folder = tmp_path_factory.mktemp("bad")
    with running(write_scenario(folder), folder / "wavetank.db") as server:
        yield server
        server.process.terminate()
        _, err = server.process.communicate(timeout=15)
        assert (server.process.returncode, err) == (0, "")


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_changes(client: httpx.Client) -> Iterator[None]:
    before = state(client)
    yield
    assert state(client) == before


def state(client: httpx.Client) -> tuple[Any, ...]:
    stats = client.get("/stats").json()
    return stats["messages"], stats["replies"], stats["contacts"], client.get("/tag").json()


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return dict(answer.json())


def raw(server: Running, *pieces: bytes, pause_s: float = 0.0, half_close: bool = False) -> bytes:
    """What the server says to these bytes on one connection, until it closes it."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        said = b""
        while received := connection.recv(65_536):
            said += received
        return said


def request(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [
        "POST /send HTTP/1.1",
        "Host: x",
        "Connection: close",
        f"Authorization: {HEADER['Authorization']}",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b'{"template": "\xff"}',
        b"\x00",
        b'{"template": "a\x00b"}',
        b"",
        b"null",
        b"NaN",
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_refused(client: httpx.Client, body: bytes) -> None:
    assert client.post("/send", content=body).status_code in (400, 422)


def test_the_character_nul_is_refused_but_not_its_spelling(client: httpx.Client) -> None:
    nul = b'{"from": "+12125550150", "text": "a\\u0000b"}'
    assert problem(client.post("/reply", content=nul), 422)["field"] == "text"
    for body, field in (
        ({**ONE, "recipients": [*ONE["recipients"], {"to": "a\0"}]}, "recipients[1].to"),
        ({**ONE, "fallbacks": {"a": "b", "c": "\0"}}, "fallbacks.c"),
        ({**ONE, "fallbacks": {"\0": "b"}}, "fallbacks"),
        ({"template": "x", "audience": "\0"}, "audience"),
    ):
        assert problem(client.post("/send", json=body), 422)["field"] == field
    assert problem(client.get("/contacts?limit=1&filter=a%00"), 422)["field"] == "filter"
    assert problem(client.get("/contacts?=1"), 422)["field"] == ""
    spelt = b'{"template": "a\\\\u0000b", "recipients": [{"to": "12"}]}'
    assert client.post("/send", content=spelt).json()["accepted"] == 0
    assert problem(client.get("/send/a%00b"), 422)["field"] == "batch_id"


def test_an_unknown_field_is_named_whatever_its_name(client: httpx.Client) -> None:
    for name in ("to whom", "`", "x\n`y`", "é"):
        assert problem(client.post("/send", json={**ONE, name: 1}), 422)["field"] == name


@pytest.mark.parametrize(
    "token",
    ["", "Bearer", "Bearer \xff\xfe", "Bearer " + "x" * 10_000, "Basic Og=="],
)
def test_a_wrong_token_is_refused_whatever_it_is(server: Running, token: str) -> None:
    headers = [(b"Authorization", token.encode("latin-1"))]
    answer = httpx.post(f"{server.url}/send", json=ONE, headers=headers)
    assert problem(answer, 401)["field"] == "Authorization"


@pytest.mark.parametrize("key", ["k" * 256, "clé", "a\tb", ""])
def test_a_key_that_is_none_is_refused(client: httpx.Client, key: str) -> None:
    answer = client.post("/send", json=ONE, headers=[(b"Idempotency-Key", key.encode())])
    assert problem(answer, 422)["field"] == "Idempotency-Key"


@pytest.mark.parametrize("second", ["one", "two"])
def test_two_idempotency_keys(client: httpx.Client, second: str) -> None:
    answer = client.post("/send", json=ONE, headers=[("Idempotency-Key", "one"), ("idempotency-key", second)])
    assert problem(answer, 422)["field"] == "Idempotency-Key"
    assert "more than once" in problem(answer, 422)["detail"]


@pytest.mark.parametrize("schedule", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_no_calendar_holds_is_refused(client: httpx.Client, schedule: str) -> None:
    answer = client.post("/send", json={**ONE, "schedule": schedule})
    assert problem(answer, 422)["field"] == "schedule"


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"]
)
def test_an_event_of_a_time_that_cannot_be_is_refused_and_none_of_the_others_is_taken(
    client: httpx.Client, at: str
) -> None:
    events = [
        {"contact": "+12125550100", "kind": "ordered", "at": one} for one in ("2026-01-01T00:00:00Z", at)
    ]
    found = problem(client.post("/events", json={"events": events}), 422)
    assert (found["field"], found["detail"]) == ("events[1].at", "must lie between 1970 and 2200")


@pytest.mark.parametrize("path", ["/emulator/accounts/99/ban", f"/emulator/accounts/{10**30}/ban"])
def test_unknown_accounts_are_named(client: httpx.Client, path: str) -> None:
    assert problem(client.post(path), 404)["field"] == "index"


def test_a_connection_that_is_half_closed_before_the_end_of_its_body_is_let_go(server: Running) -> None:
    assert raw(server, request(b'{"templ', length=1_000), half_close=True) == b""


def test_a_connection_that_is_half_closed_after_its_body_is_answered(server: Running) -> None:
    assert raw(server, request(b"{}"), half_close=True).startswith(b"HTTP/1.1 422 ")
    nobody = b'{"template": "Hi", "recipients": [{"to": "12"}]}'  # goes through the writer's thread
    for body in [nobody] * 10:
        said = raw(server, request(body), half_close=True)
        assert said.startswith(b"HTTP/1.1 202 "), said
        assert said.endswith(b"}")


def test_who_follows_events_and_closes_is_let_go_at_once(server: Running) -> None:
    address = urlsplit(server.url)
    head = f"GET /stats/events HTTP/1.1\r\nHost: x\r\nAuthorization: {HEADER['Authorization']}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(head.encode())
        while b"progress" not in connection.recv(65_536):
            pass
        connection.shutdown(socket.SHUT_WR)
        end_s = time.monotonic() + 5
        while connection.recv(65_536):  # it has no end of its own
            assert time.monotonic() < end_s


def test_requests_in_a_row_on_a_half_closed_connection_are_all_answered(server: Running) -> None:
    nobody = b'{"template": "Hi", "recipients": [{"to": "12"}]}'
    row = b"".join(request(nobody).replace(b"Connection: close\r\n", b"") for _ in range(3))
    assert raw(server, row, half_close=True).count(b"HTTP/1.1 202 ") == 3


def test_a_slow_client_is_served_and_holds_up_nobody(server: Running, client: httpx.Client) -> None:
    whole = request(b'{"template": 1}')
    pieces = [whole[at : at + 20] for at in range(0, len(whole), 20)]
    assert raw(server, *pieces, pause_s=0.02).startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize(
    "bytes_",
    [b"GARBAGE\r\n\r\n", b"POST /send HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"\x16\x03\x01\x02\x00"],
)
def test_what_is_no_http_is_refused(server: Running, bytes_: bytes) -> None:
    problem_in(raw(server, bytes_, half_close=True), 400)


def problem_in(said: bytes, status: int) -> str:
    """The detail of the one problem document that these bytes are."""
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), said
    assert b"content-type: application/problem+json" in head.lower()
    document = json.loads(body)
    assert document["status"] == status
    return str(document["detail"])


@pytest.mark.parametrize(
    "head",
    [
        "X: " + "x" * 100_000,
        "\r\n".join(f"X{count}: {'x' * 100}" for count in range(1_000)),
        "X" * 100_000 + ": x",
    ],
)
def test_a_head_that_is_too_long_is_refused(server: Running, head: str) -> None:
    assert "32768 bytes" in problem_in(raw(server, request(b"", head)), 431)
    long_path = b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    assert "32768 bytes" in problem_in(raw(server, long_path), 431)


def test_a_head_that_never_ends_is_refused_before_it_fills_the_memory(server: Running) -> None:
    pieces = [b"GET / HTTP/1.1\r\nX: ", *([b"x" * 10_000] * 5)]
    assert "32768 bytes" in problem_in(raw(server, *pieces, pause_s=0.02), 431)


def test_a_head_of_the_allowed_length_is_read(server: Running, client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"X": "x" * 30_000}).status_code == 200


def test_a_body_that_is_announced_too_long_is_refused_before_it_comes(server: Running) -> None:
    assert raw(server, request(b"", length=10**9), half_close=True).startswith(b"HTTP/1.1 413 ")


NO_GRAPH = [
    ("GET", "/graph/"),
    ("GET", "/v26"),
    ("GET", "/graph/v26.0/nosuch/x"),
    ("PUT", "/graph/v26.0/106540000000001/messages"),
    ("PATCH", "/v26.0/106540000000001"),
    ("PUT", "/106540000000001/media"),
    ("DELETE", "/oauth/access_token"),
]


@pytest.mark.parametrize(("method", "path"), NO_GRAPH)
def test_a_client_of_the_cloud_api_is_refused_in_its_own_shape(
    client: httpx.Client, method: str, path: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 33)


def test_several_requests_in_one_go_to_the_cloud_api_and_not_to_the_page(client: httpx.Client) -> None:
    several = [{"method": "GET", "relative_url": "106540000000001?fields=id"}]
    assert [one["code"] for one in client.post("/", json={"batch": several}).json()] == [200]
    assert client.post("/").json()["error"]["code"] == 100
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/inbox/{}/read", "/emulator/accounts/{}/ban", "/emulator/faults/{}"])
@pytest.mark.parametrize("digits", [25, 5000])
def test_a_number_that_is_too_long_for_any_stands_for_nothing(
    client: httpx.Client, path: str, digits: int
) -> None:
    method = "DELETE" if "faults" in path else "POST"
    problem(client.request(method, path.format("9" * digits), json={"agent": "ada"}), 404)


@pytest.mark.parametrize("path", ["/graphs", "/send/x/y", "/emulator/nosuch"])
def test_whoever_asks_for_another_path_gets_a_problem(client: httpx.Client, path: str) -> None:
    detail = f"there is no route {path}; docs/server.md and GET /openapi.json list them"
    assert problem(client.get(path), 404)["detail"] == detail


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/tag", "GET, HEAD, POST"),
        ("DELETE", "/contacts", "GET, HEAD"),
        ("OPTIONS", "/send", "POST"),
        ("TRACE", "/healthz", "GET, HEAD"),
        ("PATCH", "/emulator/faults", "DELETE, GET, HEAD, POST"),
        ("GET", "/send/0123/pause", "POST"),
    ],
)
def test_another_method_is_told_which_there_are(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)
    assert problem(answer, 405)["detail"] == f"{path} takes {allowed}"
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", [b"//healthz", b"///healthz", b"/healthz", b"//healthz?x=//"])
def test_slashes_at_the_beginning_of_a_path_are_one(server: Running, path: bytes) -> None:
    """As of a base URL that ends with one."""
    said = raw(server, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize(
    ("path", "field"), [("/emulator/messages?opauqe=x", "opauqe"), ("/contacts?limt=5", "limt")]
)
def test_a_parameter_that_does_not_exist_is_named(client: httpx.Client, path: str, field: str) -> None:
    assert problem(client.get(path), 422)["field"] == field


def test_a_share_of_the_behaviour_that_does_not_exist_is_named(client: httpx.Client) -> None:
    told = problem(client.put("/emulator/behaviour", json={"raed": 0.5}), 422)
    assert (told["field"], told["detail"]) == ("raed", "unknown field raed; did you mean 'read'?")
