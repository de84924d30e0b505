"""Every route, with good and bad bodies, on a server whose clock stands at the scenario's start."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse
from running_server import HEADER, Running, numbers, running, write_scenario

from scenarios.kpis import DEFINITIONS

START = datetime(2026, 12, 1, 14, tzinfo=UTC)
ONE = {"template": "Hi {name}", "recipients": [{"to": "+12125550150", "variables": {"name": "Ana"}}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("routes")
    with running(write_scenario(folder), folder / "wavetank.db") as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "field"}
    assert document["status"] == status
    assert "Traceback" not in answer.text
    return dict(document)


def messages_in_all(client: httpx.Client) -> int:
    return int(sum(client.get("/stats").json()["messages"].values()))


def test_health_needs_no_token(server: Running) -> None:
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}


def raw(server: Running, *requests: bytes) -> bytes:
    """All that comes back on one connection, on which these are written at once, until it is closed."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"".join(requests))
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_requests_written_at_once_are_answered_one_after_the_other(server: Running) -> None:
    asked = b"%s /healthz HTTP/1.1\r\nHost: a\r\n%s\r\n"
    came = raw(
        server, asked % (b"GET", b""), asked % (b"PUT", b""), asked % (b"GET", b"Connection: close\r\n")
    )
    first, second, third = came.split(b"HTTP/1.1 ")[1:]
    for answer in (first, third):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"200 OK\r\n")
        assert body == b'{"status":"ok"}'
        assert b"content-length: 15" in head
        assert b"\r\ndate: " in head
    assert second.startswith(b"405 ")
    assert (b"connection: close" in first, b"connection: close" in third) == (False, True)


def test_the_head_of_an_answer_has_no_body(server: Running) -> None:
    head, _, body = raw(server, b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
def test_without_a_valid_token_nothing_is_answered(server: Running, header: dict[str, str]) -> None:
    answer = httpx.post(f"{server.url}/send", json=ONE, headers=header)
    assert problem(answer, 401)["field"] == "Authorization"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_works_for_its_scopes_only(server: Running, client: httpx.Client) -> None:
    made = client.post("/tokens", json={"scopes": ["read"]})
    assert made.status_code == 201
    reader = {"Authorization": f"Bearer {made.json()['token']}"}
    assert httpx.get(f"{server.url}/stats", headers=reader).status_code == 200
    assert "'send'" in problem(httpx.post(f"{server.url}/send", json=ONE, headers=reader), 403)["detail"]
    assert "admin" in problem(httpx.post(f"{server.url}/tokens", json={}, headers=reader), 403)["detail"]


def test_a_token_is_taken_back_by_its_id(server: Running, client: httpx.Client) -> None:
    made = [client.post("/tokens", json={"scopes": ["read", "send"]}).json() for _ in range(2)]
    listed = {one["id"]: one["scopes"] for one in client.get("/tokens").json()["tokens"]}
    assert all(listed[one["id"]] == ["read", "send"] for one in made)
    assert not any(one["token"] in client.get("/tokens").text for one in made)
    assert client.delete(f"/tokens/{made[0]['id']}").json() == {"id": made[0]["id"]}
    first, second = ({"Authorization": f"Bearer {one['token']}"} for one in made)
    assert problem(httpx.get(f"{server.url}/stats", headers=first), 401)["field"] == "Authorization"
    assert httpx.get(f"{server.url}/stats", headers=second).status_code == 200
    assert problem(client.delete(f"/tokens/{made[0]['id']}"), 404)["field"] == "token_id"
    assert made[0]["id"] not in {one["id"] for one in client.get("/tokens").json()["tokens"]}
    assert httpx.get(f"{server.url}/tokens", headers=second).status_code == 403


def test_send_accepts_good_recipients_and_names_the_bad_ones(client: httpx.Client) -> None:
    body = {
        "template": "Hi {name}",
        "recipients": [
            {"to": "+12125550151", "variables": {"name": "Ana"}},
            {"to": "12", "variables": {"name": "Ana"}},
            {"to": "+12125550152"},
            {"to": "+12125550153", "variables": {"name": "Ana"}, "timezone": "Mars/Olympus"},
            {"to": "+1 212 555 0151", "variables": {"name": "Ana"}},
            {"to": "+14155550199", "variables": {"name": "Ana"}},
            {"to": "+12125550154", "variables": {"name": "x" * 4095}},
        ],
    }
    answer = client.post("/send", json=body)
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["accepted"] == 1
    assert [(one["index"], one["field"], one["reason"]) for one in accepted["rejected"]] == [
        (1, "to", "invalid_number"),
        (2, "variables", "missing_variable"),
        (3, "timezone", "unknown_timezone"),
        (4, "to", "duplicate"),
        (5, "to", "no_consent"),
        (6, "variables", "text_too_long"),
    ]
    assert datetime.fromisoformat(accepted["expected_finish"]) >= START
    progress = client.get(f"/send/{accepted['batch_id']}").json()
    assert progress["accepted"] == sum(progress["counts"].values()) == 1
    assert progress["expected_finish"] == accepted["expected_finish"]


@pytest.mark.parametrize("to", ["", "   "])
def test_a_number_that_is_missing_is_rejected_alone(client: httpx.Client, to: str) -> None:
    answer = client.post("/send", json={"template": "Hi", "recipients": [{"to": to}, {"to": "+12125550155"}]})
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert answer.json()["rejected"] == [{"index": 0, "to": to, "field": "to", "reason": "invalid_number"}]
    tagged = client.post("/tag", json={"contacts": [to], "add": ["vip"]}).json()
    assert [(one["field"], one["reason"]) for one in tagged["rejected"]] == [
        ("contacts[0]", "invalid_number")
    ]
    assert problem(client.post("/reply", json={"from": to, "text": "Hi"}), 422)["field"] == "from"


def test_send_by_audience_takes_the_stored_variables_and_leaves_out_who_did_not_consent(
    client: httpx.Client,
) -> None:
    body = {"template": "{name}: {voucher}", "audience": {"any": ["prospect"], "none": ["vip"]}}
    answer = client.post("/send", json=body).json()
    assert answer["accepted"] == 4 * 16
    assert [one["reason"] for one in answer["rejected"]] == ["no_consent"]


def test_a_scheduled_batch_waits_and_says_when_it_will_be_done(client: httpx.Client) -> None:
    later = START + timedelta(days=2, hours=4)  # 18:00 UTC: allowed in all zones of the contacts
    answer = client.post("/send", json={**ONE, "schedule": later.isoformat()})
    assert datetime.fromisoformat(answer.json()["expected_finish"]) >= later
    progress = client.get(f"/send/{answer.json()['batch_id']}").json()
    assert progress["counts"]["queued"] == 1
    assert datetime.fromisoformat(progress["schedule"]) == later


PICTURE = {"type": "image", "mime_type": "image/png", "size_bytes": 9_000, "id": "42"}


def test_media_goes_to_everybody_with_a_caption_of_their_own(client: httpx.Client) -> None:
    to = [
        {"to": "+12125550170", "variables": {"name": "Ana"}},
        {"to": "+12125550171"},
        {"to": "+12125550172", "variables": {"name": "x" * 1025}},
    ]
    body = {"media": {**PICTURE, "caption": "{name}"}, "recipients": to}
    answer = client.post("/send", json=body)
    assert answer.status_code == 202, answer.text
    reasons = [(one["index"], one["reason"]) for one in answer.json()["rejected"]]
    assert reasons == [(1, "missing_variable"), (2, "text_too_long")]
    plain = client.post("/send", json={"media": PICTURE, "recipients": [{"to": "+12125550173"}]})
    assert plain.json()["accepted"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"media": PICTURE, "template": "Hi"}, "template"),
        ({"media": {**PICTURE, "caption": "Hi {"}}, "media.caption"),
        ({"media": {**PICTURE, "size_bytes": 6_000_000}}, "media.size_bytes"),
        ({"media": {**PICTURE, "mime_type": "image/gif"}}, "media.mime_type"),
        ({"media": {**PICTURE, "type": "hologram"}}, "media.type"),
        ({"media": {**PICTURE, "id": "../etc"}}, "media.id"),
        ({"media": {"type": "image"}}, "media.mime_type"),
    ],
)
def test_bad_media_is_named_and_changes_nothing(
    client: httpx.Client, body: dict[str, Any], field: str
) -> None:
    before = messages_in_all(client)
    answer = client.post("/send", json={**body, "recipients": [{"to": "+12125550170"}]})
    assert problem(answer, 422)["field"] == field
    assert messages_in_all(client) == before


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("{", 400, None),
        ("[]", 422, None),
        ("{}", 422, "template"),
        ('{"template": "Hi"}', 422, "recipients"),
        ('{"template": "Hi", "recipients": []}', 422, "recipients"),
        ('{"template": "Hi", "recipients": [{"to": 5}]}', 422, "recipients[0].to"),
        ('{"template": "Hi", "recipients": [{"to": "+12125550150", "tz": "x"}]}', 422, "recipients[0].tz"),
        ('{"template": "Hi", "recipients": [{"to": "+12125550150"}], "audience": {}}', 422, "recipients"),
        ('{"template": "Hi", "recipient": []}', 422, "recipient"),
        ('{"template": "Hi {", "recipients": [{"to": "+12125550150"}]}', 422, "template"),
        ('{"template": "{a:>999999999}", "recipients": [{"to": "+12125550150"}]}', 422, "template"),
        ('{"template": "{a!r}", "recipients": [{"to": "+12125550150"}]}', 422, "template"),
        ('{"template": "\\ud800", "recipients": [{"to": "+12125550150"}]}', 400, None),
        ('{"template": "Hi", "audience": {"all": ["no such"]}}', 422, "audience.all[0]"),
        (
            '{"template": "Hi", "recipients": [{"to": "+12125550150"}], "schedule": "2026-12-01T13:00:00Z"}',
            422,
            "schedule",
        ),
        (
            '{"template": "Hi", "recipients": [{"to": "+12125550150"}], "schedule": "2027-01-01T00:00:00"}',
            422,
            "schedule",
        ),
    ],
)
def test_a_bad_send_is_named_and_changes_nothing(
    client: httpx.Client, body: str, status: int, field: str | None
) -> None:
    before = messages_in_all(client)
    assert problem(client.post("/send", content=body), status)["field"] == field
    assert messages_in_all(client) == before


def test_more_recipients_than_a_batch_holds_are_refused(client: httpx.Client) -> None:
    body = {"template": "Hi", "recipients": [{"to": "+12125550150"}] * 10_001}
    assert problem(client.post("/send", json=body), 422)["field"] == "recipients"


def test_a_body_over_the_limit_is_refused(client: httpx.Client) -> None:
    problem(client.post("/send", content=b" " * (8 * 1024 * 1024 + 1)), 413)


def test_a_body_over_the_limit_is_refused_though_its_length_was_not_announced(client: httpx.Client) -> None:
    problem(client.post("/send", content=(b" " * 65_536 for _ in range(129))), 413)


def test_unknown_routes_methods_and_batches_are_problems_too(client: httpx.Client) -> None:
    problem(client.get("/nowhere"), 404)
    problem(client.delete("/send"), 405)
    assert problem(client.get("/send/0123456789abcdef"), 404)["field"] == "batch_id"


def test_the_same_key_gets_the_same_answer_and_sends_once(client: httpx.Client) -> None:
    before = messages_in_all(client)
    key = {"Idempotency-Key": "order 7"}
    first = client.post("/send", json=ONE, headers=key)
    again = client.post("/send", json=ONE, headers=key)
    assert first.status_code == again.status_code == 202
    assert first.content == again.content
    assert messages_in_all(client) == before + 1
    other = client.post("/send", json={**ONE, "template": "Bye {name}"}, headers=key)
    assert problem(other, 409)["field"] == "Idempotency-Key"


def test_the_same_key_sent_many_times_at_once_sends_once(server: Running, client: httpx.Client) -> None:
    before = messages_in_all(client)

    def post(_: int) -> bytes:
        headers = {**HEADER, "Idempotency-Key": "all at once"}
        return httpx.post(f"{server.url}/send", json=ONE, headers=headers).content

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(post, range(16)))) == 1
    assert messages_in_all(client) == before + 1


def test_a_key_that_is_too_long_is_refused(client: httpx.Client) -> None:
    answer = client.post("/send", json=ONE, headers={"Idempotency-Key": "k" * 256})
    assert problem(answer, 422)["field"] == "Idempotency-Key"


def test_tags_are_added_removed_and_counted(client: httpx.Client) -> None:
    who = numbers("212", 3)
    before = client.get("/tag").json()["tags"]
    answer = client.post("/tag", json={"contacts": [*who, "nonsense"], "add": ["winter"]})
    assert answer.json()["changed"] == 3
    assert [one["index"] for one in answer.json()["rejected"]] == [3]
    assert client.post("/tag", json={"contacts": who, "add": ["winter"]}).json()["changed"] == 0
    assert client.get("/tag").json()["tags"] == {**before, "winter": 3}
    body = {"audience": {"all": ["winter"]}, "remove": ["winter"]}
    assert client.post("/tag", json=body).json()["changed"] == 3
    assert client.get("/tag").json()["tags"] == {**before, "winter": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contacts": ["+12125550100"]}, "add"),
        ({"add": ["vip"]}, "contacts"),
        ({"contacts": ["+12125550100"], "add": ["vip"], "remove": ["vip"]}, "remove"),
        ({"contacts": ["+12125550100"], "remove": ["no such"]}, "remove[0]"),
        ({"contacts": ["+12125550100"], "add": [" "]}, "add[0]"),
        ({"audience": {"any": ["no such"]}, "add": ["made by nobody"]}, "audience.any[0]"),
    ],
)
def test_a_bad_tag_request_is_named_and_changes_nothing(
    client: httpx.Client, body: dict[str, Any], field: str
) -> None:
    before = client.get("/tag").json()
    assert problem(client.post("/tag", json=body), 422)["field"] == field
    assert client.get("/tag").json() == before


def test_only_an_administrator_makes_tags(server: Running, client: httpx.Client) -> None:
    token = client.post("/tokens", json={"scopes": ["tag"]}).json()["token"]
    body = {"contacts": ["+12125550100"], "add": ["not yet known"]}
    answer = httpx.post(f"{server.url}/tag", json=body, headers={"Authorization": f"Bearer {token}"})
    assert problem(answer, 422)["field"] == "add[0]"
    assert "not yet known" not in client.get("/tag").json()["tags"]


def test_an_import_reports_on_each_row(client: httpx.Client) -> None:
    rows = "phone,tags\n+12125550160,vip;bought\n+1 212 555 0160,vip\n12,vip\n+12125550161,unheard of\n"
    before = client.get("/tag").json()["tags"]
    report = client.post("/tag/import", content=rows).json()
    assert report["counts"] == {"accepted": 1, "duplicate": 1, "invalid_number": 1, "unknown_tag": 1}
    assert [(one["line"], one["result"], one["detail"]) for one in report["report"]] == [
        (2, "accepted", None),
        (3, "duplicate", "line 2"),
        (4, "invalid_number", None),
        (5, "unknown_tag", "unheard of"),
    ]
    after = client.get("/tag").json()["tags"]
    assert (after["vip"], after["bought"]) == (before["vip"] + 1, before["bought"] + 1)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"number,tags\n+12125550160,vip\n", "line 1"),
        (b"phone,tags\n+12125550160,vip,extra\n", "line 2"),
        (b"phone;tags\n+12125550160;vip\n", "line 1"),
        (b"", "line 1"),
        (b"phone,tags\n", "line 2"),
        (b"phone,tags\n" + b"+12125550160,vip\n" * 5001, "line 5002"),
        (b"phone,tags\n\xff,vip\n", "line 2"),
        (b"phone,tags\n+12125550160,\x00vip\n", "line 2"),
        ("phone,tags\n+12125550160,vip\n".encode("utf-16"), "line 1"),
        (b'phone,tags\n+12125550160,vip\n+12125550161,"vip\n', "line 3"),
        (b'phone,tags\n+12125550160,"vip"x\n', "line 2"),
        (b"phone,tags\n+12125550160," + b"v" * 200_000, "line 2"),
    ],
)
def test_a_bad_import_is_named_and_changes_nothing(client: httpx.Client, content: bytes, field: str) -> None:
    before = client.get("/tag").json()
    told = problem(client.post("/tag/import", content=content), 422)
    assert told["field"] == field
    assert field != "line 1" or "UTF-16" in told["detail"] or "separated by a comma" in told["detail"]
    assert client.get("/tag").json() == before


def test_a_question_is_answered_after_the_delay_of_the_scenario(client: httpx.Client) -> None:
    answer = client.post("/reply", json={"from": "+13125550110", "text": "What's the prise?"}).json()
    assert (answer["action"], answer["intent"], answer["conversation"]) == ("answered", "price", "automatic")
    assert 5 <= answer["delay_s"] <= 10
    nothing = client.post("/reply", json={"from": "+13125550110", "text": "qwertz"}).json()
    assert (nothing["action"], nothing["answer"]) == ("unmatched", None)


def test_the_fourth_answer_in_an_hour_goes_to_a_person_until_they_close_it(client: httpx.Client) -> None:
    hello = {"from": "+13125550111", "text": "hello"}
    actions = [client.post("/reply", json=hello).json()["action"] for _ in range(5)]
    assert actions == ["answered"] * 3 + ["escalated"] * 2
    assert client.post("/reply/close", json={"from": "+13125550111"}).json()["closed"]
    assert not client.post("/reply/close", json={"from": "+13125550111"}).json()["closed"]


def test_the_same_message_id_is_heard_once(client: httpx.Client) -> None:
    before = client.get("/stats").json()["replies"]["answered"]
    body = {"from": "+13125550112", "text": "thanks", "message_id": "wamid.1"}
    assert client.post("/reply", json=body).content == client.post("/reply", json=body).content
    assert client.get("/stats").json()["replies"]["answered"] == before + 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from": "nobody", "text": "hi"}, "from"),
        ({"text": "hi"}, "from"),
        ({"from": "+13125550110", "text": ""}, "text"),
        ({"from": "+13125550110", "text": "x" * 4097}, "text"),
        ({"from": "+13125550110", "text": "hi", "to": "me"}, "to"),
    ],
)
def test_a_bad_reply_is_named_and_changes_nothing(
    client: httpx.Client, body: dict[str, Any], field: str
) -> None:
    before = client.get("/stats").json()["replies"]
    assert problem(client.post("/reply", json=body), 422)["field"] == field
    assert client.get("/stats").json()["replies"] == before


def test_stop_cancels_what_is_queued_and_refuses_what_comes_later(client: httpx.Client) -> None:
    who = "+12135550110"  # Los Angeles: still asleep, so the message waits
    body = {"template": "Hi", "recipients": [{"to": who}]}
    batch = client.post("/send", json=body).json()["batch_id"]
    assert client.get(f"/send/{batch}").json()["counts"]["queued"] == 1
    assert client.post("/reply", json={"from": who, "text": "Stop please"}).json()["action"] == "opted_out"
    assert client.get(f"/send/{batch}").json()["counts"] == {
        "queued": 0,
        "sending": 0,
        "sent": 0,
        "delivered": 0,
        "failed": 0,
        "cancelled": 1,
    }
    later = client.post("/send", json=body).json()
    assert (later["accepted"], later["rejected"][0]["reason"]) == (0, "opted_out")
    assert later["expected_finish"] is None


def test_many_may_stop_at_the_same_moment(client: httpx.Client) -> None:
    def stop(number: str) -> httpx.Response:
        return client.post("/reply", json={"from": number, "text": "STOP"})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(stop, numbers("310", 60)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["action"] for answer in answers} == {"opted_out"}


def test_a_ban_moves_what_is_queued_to_other_accounts(client: httpx.Client) -> None:
    awake = [  # six a minute and more for each account, so that some still wait for their turn
        {"to": number, "timezone": "America/New_York", "variables": {"number": number}}
        for number in numbers("646")
    ]
    client.post("/send", json={"template": "Hi again, {number}", "recipients": awake})
    before = messages_in_all(client)
    assert client.post("/emulator/accounts/1/ban").json()["planned_again"] > 0
    accounts = client.get("/accounts").json()["accounts"]
    assert [one["index"] for one in accounts if not one["open"]] == [1]
    assert messages_in_all(client) == before
    assert client.post("/emulator/accounts/1/ban").json()["planned_again"] == 0
    assert problem(client.post("/emulator/accounts/99/ban"), 404)["field"] == "index"


def test_accounts_tell_who_is_warming_up(client: httpx.Client) -> None:
    accounts = client.get("/accounts").json()["accounts"]
    assert len(accounts) == 10
    assert [one["index"] for one in accounts if one["warming_up"]] == [8, 9]
    assert all(one["first_send"] < "2026-09" for one in accounts[:8])
    assert all(one["sent_last_hour"] <= one["sent_last_day"] <= one["sent"] for one in accounts)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "week"}, "by"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-12-01T00:00:00"}, "from"),
        ({"from": "2027-12-01T00:00:00Z"}, "from"),
        ({"from": "1999-01-01T00:00:00Z"}, "from"),
        ({"to": "0001-01-01T00:00:00Z"}, "to"),
        ({"key": "1"}, "key"),
        ({"by": "tag", "key": ""}, "key"),
        ({"until": "2026-12-01T00:00:00Z"}, "until"),
        ([("by", "tag"), ("by", "hour")], "by"),
    ],
)
def test_a_bad_question_about_history_is_named(client: httpx.Client, query: Any, field: str) -> None:
    assert problem(client.get("/stats/history", params=query), 422)["field"] == field


def test_alarms_list_every_figure_with_its_claims(client: httpx.Client) -> None:
    found = client.get("/alarms").json()
    states = [one["state"] for one in found["checks"]]
    assert (found["raised"], found["warnings"]) == (states.count("alarm"), states.count("warning"))
    assert {"delivery_rate", "invalid_number_share", "response_time_s"} <= {
        one["name"] for one in found["checks"]
    }
    assert all(one["claims"] for one in found["checks"])


def test_metrics_are_what_prometheus_reads(client: httpx.Client) -> None:
    assert client.get("/alarms").is_success
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {sample.name: sample for family in parse(answer.text) for sample in family.samples}
    assert {"wavetank_messages", "wavetank_sends_total", "wavetank_alarm", "wavetank_commits_total"} <= set(
        found
    )
    requests = [
        sample
        for family in parse(answer.text)
        for sample in family.samples
        if sample.name == "wavetank_requests_total" and sample.labels["route"] == "/alarms"
    ]
    assert [sample.labels["status"] for sample in requests] == ["200"]


def test_stats_carry_kpis_of_the_common_vocabulary(client: httpx.Client) -> None:
    kpis = client.get("/stats").json()["kpis"]
    assert set(kpis) <= {definition.name for definition in DEFINITIONS}


def test_nothing_personal_is_logged(tmp_path: Path) -> None:
    with running(write_scenario(tmp_path), tmp_path / "quiet.db") as server, server.client() as client:
        client.post("/reply", json={"from": "+13125550110", "text": "hello"})
        client.post("/send", content=b"{")
        server.process.terminate()
        _, err = server.process.communicate(timeout=10)
    assert server.process.returncode == 0
    assert err == ""
