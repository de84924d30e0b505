"""Contacts by filter, tags and their rules, events: on both databases, and after a restart."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from databases import KINDS, empty
from running_server import ALL_ARRIVE, Running, numbers, running, write_scenario

RULES = (
    'tagging.conflicts = [["vip", "recent_complaint"]]\n'
    'tagging.standing_rules = [{ when = "orders > 1", add = ["loyal"], remove = ["prospect"] }]\n'
)


FAST = ("--speed", "60", *ALL_ARRIVE)  # standing rules are looked at every second


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("contacts")
    scenario = write_scenario(folder, extra=RULES)
    with empty(request.param, folder) as db, running(scenario, db, *FAST) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def found(client: httpx.Client, expression: str, **query: int) -> dict[str, Any]:
    answer = client.get("/contacts", params={"filter": expression, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def happen(client: httpx.Client, *events: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/events", json={"events": events})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def eventually(look: Any, wanted: Any) -> None:
    until = monotonic() + 15
    while look() != wanted and monotonic() < until:
        sleep(0.1)
    assert look() == wanted


def test_a_filter_finds_contacts_page_by_page(client: httpx.Client) -> None:
    everybody = found(client, "", limit=0)
    assert (everybody["contacts"], everybody["next"]) == ([], None)
    assert everybody["count"] >= 81  # tests before this one may have brought more
    assert found(client, "vip AND NOT prospect", limit=0)["count"] == 16
    seen: list[str] = []
    cursor = 0
    while cursor is not None:
        page = found(client, 'vip AND timezone = "America/Denver"', limit=3, cursor=cursor)
        assert page["count"] == 4
        seen += [one["phone"] for one in page["contacts"]]
        cursor = page["next"]
    assert seen == numbers("303", 20)[::5]
    (nora,) = found(client, "consent = no")["contacts"]
    assert (nora["phone"], nora["tags"], nora["consent"]) == ("+14155550199", ["prospect"], False)


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ({"filter": "vip AND"}, "filter", "position 8"),
        ({"filter": "vpi"}, "filter", "no such tag: vpi; did you mean vip?"),
        ({"limit": "many"}, "limit", "int"),
        ({"limit": 1001}, "limit", "1000"),
        ({"page": 2}, "page", "unknown"),
    ],
)
def test_a_bad_query_is_named(client: httpx.Client, query: dict[str, Any], field: str, says: str) -> None:
    answer = client.get("/contacts", params=query)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert says in answer.json()["detail"]


def test_tags_and_sends_take_filters(client: httpx.Client) -> None:
    body = {"audience": "vip AND country_code = 1 EXCLUDE timezone = America/Chicago", "add": ["west-east"]}
    assert client.post("/tag", json=body).json()["changed"] == 12
    assert found(client, "west-east", limit=0)["count"] == 12
    sent = client.post(
        "/send", json={"template": "Hi {name}", "audience": "west-east OR consent = no"}
    ).json()
    assert sent["accepted"] == 12
    assert [one["reason"] for one in sent["rejected"]] == ["no_consent"]
    health = client.get("/tag").json()["health"]
    assert health["west-east"]["used"] is not None
    assert health["bought"]["used"] is None
    eventually(
        lambda: found(client, "sent in 1 hours AND west-east", limit=0)["count"], 4
    )  # elsewhere it is night
    bad = client.post("/send", json={"template": "Hi", "audience": "clicked in"})
    assert (bad.status_code, bad.json()["field"]) == (422, "audience")


def test_events_fire_their_rules_at_once_and_count_once(client: httpx.Client) -> None:
    who = numbers("212", 20)[1]
    client.post("/tag", json={"contacts": [who], "add": ["cart_abandoned"]})
    order = {
        "contact": who,
        "kind": "ordered",
        "at": "2026-12-01T13:58:00Z",
        "product": "boots",
        "event_id": "o1",
    }
    answer = happen(client, order, order, {"contact": "12", "kind": "clicked"})
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert answer["rejected"][0]["reason"] == "invalid_number"
    (shown,) = found(client, "product-boots")["contacts"]
    assert shown["phone"] == who
    assert shown["tags"] == ["product-boots", "prospect", "purchased-2026-12-01"]
    assert shown["last"]["ordered"] == "2026-12-01T13:58:00Z"
    assert happen(client, order)["duplicates"] == 1
    late = happen(client, {"contact": who, "kind": "visited", "at": "2026-12-01T12:00:00Z"})
    assert late["late"] == 1
    assert late["longest_delay_s"] > 7200
    checks = {one["name"]: one for one in client.get("/alarms").json()["checks"]}
    assert checks["tag_rule_delay_s"]["state"] == "alarm"
    assert checks["fleet_open_rate"]["value"] == pytest.approx(0.85)
    ahead = happen(client, {"contact": who, "kind": "visited", "at": "2027-12-01T12:00:00Z"})
    assert ahead["rejected"][0]["reason"] == "in_the_future"


def test_a_standing_rule_holds_by_itself(client: httpx.Client) -> None:
    who = numbers("212", 20)[2]
    happen(client, *({"contact": who, "kind": "ordered"} for _ in range(2)))
    eventually(
        lambda: [one["phone"] for one in found(client, "orders > 1 EXCLUDE prospect")["contacts"]],
        [who],
    )
    assert found(client, "loyal", limit=0)["count"] == 1
    reasons = {entry["reason"] for entry in client.get("/tag/log", params={"tag": "loyal"}).json()["entries"]}
    assert reasons == {"standing rule"}


def test_conditions_of_time_follow_replies_and_orders(client: httpx.Client) -> None:
    who = numbers("312", 20)[3]
    client.post("/reply", json={"from": who, "text": "hello"})
    happen(client, {"contact": who, "kind": "clicked", "at": "2026-11-26T12:00:00Z"})
    assert [
        one["phone"] for one in found(client, "replied in 1 hours AND clicked in 6 days")["contacts"]
    ] == [who]
    assert found(client, "replied in 1 hours AND clicked in 5 days", limit=0)["count"] == 0
    assert found(client, "replied in 1 hours AND no order in 60 days", limit=0)["count"] == 1
    client.post("/reply", json={"from": who, "text": "STOP"})
    assert [one["phone"] for one in found(client, "opted_out = yes")["contacts"]] == [who]


def test_only_an_administrator_changes_the_taxonomy_and_the_log_keeps_why(
    server: Running, client: httpx.Client
) -> None:
    token = client.post("/tokens", json={"scopes": ["tag", "read"]}).json()["token"]
    body = {"make": ["spring", "autumn"], "reason": "two campaigns"}
    refused = httpx.post(
        f"{server.url}/tag/taxonomy", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert refused.status_code == 403
    assert client.post("/tag/taxonomy", json=body).json()["tags"]["spring"] == 0
    alike = client.post("/tag/taxonomy", json={"make": ["Spring!"], "reason": "again"})
    assert (alike.status_code, alike.json()["field"]) == (422, "make[0]")
    client.post("/tag", json={"contacts": numbers("212", 3), "add": ["spring"]})
    dropped = client.post("/tag/taxonomy", json={"drop": ["spring"], "reason": "it is over"})
    assert "spring" not in dropped.json()["tags"]
    entries = client.get("/tag/log", params={"tag": "spring"}).json()["entries"]
    assert [(one["action"], one["reason"], one["contacts"]) for one in entries] == [
        ("dropped", "it is over", None),
        ("given", "request", 3),
        ("made", "two campaigns", None),
    ]
    older = client.get("/tag/log", params={"tag": "spring", "before": entries[0]["id"], "limit": 1}).json()
    assert older["entries"] == entries[1:2]
    assert client.get("/contacts", params={"filter": "spring"}).status_code == 422


def test_tag_health_names_what_is_wrong(client: httpx.Client) -> None:
    everybody = client.get("/tag").json()
    assert everybody["health"]["prospect"]["verdicts"] == ["overloaded"]
    assert everybody["taxonomy"]["band"] == "coarse"
    who = numbers("213", 20)[0]
    assert client.post("/tag", json={"contacts": [who], "add": ["recent_complaint"]}).json()["changed"] == 1
    after = client.get("/tag").json()["taxonomy"]
    assert after["conflicting"] == pytest.approx(1 / found(client, "", limit=0)["count"])
    many = client.post("/tag", json={"contacts": [who], "add": [f"many-{n}" for n in range(15)]})
    assert many.json()["changed"] == 1
    assert "overtagged" in client.get("/tag").json()["taxonomy"]["alarms"]
    client.post("/tag/taxonomy", json={"drop": [f"many-{n}" for n in range(15)], "reason": "a test"})


def test_unknown_tags_of_an_import_are_refused_or_ignored(client: httpx.Client) -> None:
    rows = '"Phone","Tags"\n12125550180,"vip,unheard of"\n'
    refused = client.post("/tag/import", content=rows).json()
    assert refused["counts"]["unknown_tag"] == 1
    assert refused["mend_first"]
    taken = client.post("/tag/import", params={"unknown": "ignore"}, content=rows).json()
    assert taken["report"] == [
        {"line": 2, "phone": "12125550180", "result": "accepted", "detail": "unheard of"}
    ]
    assert not taken["mend_first"]
    assert client.post("/tag/import", params={"unknown": "maybe"}, content=rows).json()["field"] == "unknown"
    page = found(client, "vip", limit=1000)["contacts"]
    assert "+12125550180" in [one["phone"] for one in page]


def test_an_export_is_imported_again_and_holds_no_formula(client: httpx.Client) -> None:
    who = numbers("212", 20)[4]
    client.post("/tag", json={"contacts": [who], "add": ["=cmd|' /C calc'!A0"]})
    answer = client.get("/contacts/export", params={"filter": "vip"})
    assert answer.headers["content-type"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == found(client, "vip", limit=0)["count"]
    assert list(rows[0]) == ["id", "phone", "tags", "timezone", "consent", "opted_out", "name", "voucher"]
    tagged = client.get("/contacts/export", params={"filter": "tag = \"=cmd|' /C calc'!A0\""})
    (row,) = csv.DictReader(io.StringIO(tagged.text))
    assert row["tags"].startswith("'=cmd")
    assert row["phone"] == who.removeprefix("+")
    assert len(client.get("/contacts/export", params={"limit": 2}).text.splitlines()) == 3
    client.post("/tag", json={"contacts": [who], "remove": ["=cmd|' /C calc'!A0", "vip"]})
    report = client.post("/tag/import", content=tagged.content).json()
    assert (report["counts"]["accepted"], report["ignored_columns"]) == (
        1,
        ["id", "timezone", "consent", "opted_out", "name", "voucher"],
    )
    again = client.get("/contacts/export", params={"filter": "tag = \"=cmd|' /C calc'!A0\""})
    assert again.content == tagged.content


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_restart_the_index_is_what_it_was(kind: str, tmp_path: Path) -> None:
    who, other, third = numbers("212", 20)[1:4]
    asked = {
        "vip": 16,
        "product-boots": 1,
        "ever clicked": 1,
        "ever replied": 1,
        "opted_out = yes": 1,
        "orders > 1": 1,
        "tags > 2": 2,
        "ever sent": 2,
    }

    def counts(client: httpx.Client) -> dict[str, int]:
        return {expression: found(client, expression, limit=0)["count"] for expression in asked}

    scenario = write_scenario(tmp_path, extra=RULES)
    with empty(kind, tmp_path) as db:
        with running(scenario, db, *FAST) as server, server.client() as client:
            happen(client, *[{"contact": who, "kind": "ordered", "product": "boots"}] * 2)
            happen(client, {"contact": other, "kind": "clicked"})
            client.post("/reply", json={"from": third, "text": "STOP"})
            client.post("/tag", json={"contacts": [other], "add": ["one", "two"]})
            client.post("/send", json={"template": "Hi", "recipients": [{"to": who}, {"to": other}]})
            eventually(lambda: counts(client), asked)
            server.process.terminate()
            server.process.wait(20)
        with running(scenario, db) as again, again.client() as client:
            assert counts(client) == asked
