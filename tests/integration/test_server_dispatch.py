"""A campaign through a running server at 3,600 times real speed: what was sent keeps every rule."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from databases import KINDS, Databases, databases
from running_server import Running, numbers, running, write_scenario

PER_ZONE = 60
STOPPED = numbers("213", 20)  # each has a message scheduled for later when they say so
OPTIONS = (
    "--speed=3600",
    "--set=accounts.count=3",
    "--set=accounts.new_count=1",
    "--set=pacing.rate_per_min=10",
    "--set=pacing.rate_per_hour=50",
    "--set=pacing.customer_cap_window_s=10800",
    "--set=campaign.retry_after_h=1",
    "--set=network.unregistered_fraction=0.1",
    "--set=network.delivery_rate=0.8",
    "--set=network.handover_loss=0.3",
)
HOUR_S, DAY_S = 3600, 86_400


class Campaign:
    """What a finished run left in its two databases."""

    def __init__(
        self, left: Databases, stats: dict[str, Any], histories: dict[str, list[dict[str, Any]]]
    ) -> None:
        self.stats = stats
        self.histories = histories
        self.messages = left.read(
            "SELECT m.*, c.phone FROM messages m JOIN contacts c ON c.id = m.contact_id"
        )
        opted_out = left.read("SELECT phone, opted_out_s FROM contacts WHERE opted_out_s IS NOT NULL")
        self.opt_outs = {row["phone"]: row["opted_out_s"] for row in opted_out}
        (banned,) = left.read("SELECT closed_s FROM accounts WHERE closed_s IS NOT NULL")
        self.closed_s = banned["closed_s"]
        self.attempts = left.read("SELECT * FROM attempts")
        self.taken = left.read_record("SELECT * FROM accepted ORDER BY sent_s")
        self.zone_of = {row["phone"]: row["zone"] for row in self.messages}
        self.content_of = {row["id"]: row["content"] for row in self.messages}


def until_finished(client: httpx.Client, seconds: float = 60) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stats: dict[str, Any] = client.get("/stats").json()
        if not any(stats["messages"][state] for state in ("queued", "sending", "sent")):
            return stats
        time.sleep(0.1)
    raise AssertionError(f"not finished: {stats}")


def until_planned(client: httpx.Client, batch_id: str) -> None:
    """Where several workers accept, one of them plans, a moment later."""
    end = time.monotonic() + 10
    while client.get(f"/send/{batch_id}").json()["expected_finish"] is None:
        assert time.monotonic() < end, "nobody planned"
        time.sleep(0.02)


def send_all(server: Running) -> dict[str, Any]:
    """One personalised and one plain batch; STOP from some, one account banned, on the way."""
    with server.client() as client:
        personal = {"template": "Hi {name}, {voucher}", "audience": {}}
        plain = {"template": "The same to all", "audience": {"any": ["vip"]}}
        sent = [client.post("/send", json=body).json() for body in (personal, plain)]
        assert [one["accepted"] for one in sent] == [4 * PER_ZONE, 4 * PER_ZONE / 5]
        for one in sent:
            until_planned(client, one["batch_id"])
        assert client.post("/emulator/accounts/0/ban").json()["planned_again"] > 0
        now = datetime.fromisoformat(client.get("/stats").json()["clock"])
        later = {"template": "In three days", "recipients": [{"to": number} for number in STOPPED]}
        later["schedule"] = (now + timedelta(days=3)).isoformat()
        assert client.post("/send", json=later).json()["accepted"] == len(STOPPED)
        for number in STOPPED:
            answer = client.post("/reply", json={"from": number, "text": "STOP"}).json()
            assert answer["action"] == "opted_out"
        return until_finished(client)


def histories_of(server: Running) -> dict[str, list[dict[str, Any]]]:
    week = {"from": "2026-11-30T00:00:00Z", "to": "2026-12-30T00:00:00Z"}
    with server.client() as client:
        return {
            by: client.get("/stats/history", params={**week, "by": by}).json()["rows"]
            for by in ("hour", "account", "batch", "tag")
        }


@pytest.fixture(scope="module", params=KINDS)
def campaign(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    folder = tmp_path_factory.mktemp("dispatch")
    with databases(request.param, folder) as used:
        with running(write_scenario(folder, PER_ZONE), used.db, *used.options, *OPTIONS) as server:
            stats = send_all(server)
            histories = histories_of(server)
        yield Campaign(used, stats, histories)


def most_in_any(times_s: list[float], span_s: float) -> int:
    """Largest number of times in any half-open window of that length."""
    first, most = 0, 0
    for last, time_s in enumerate(times_s):
        while times_s[first] <= time_s - span_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_every_message_ends_in_one_final_state(campaign: Campaign) -> None:
    counts = campaign.stats["messages"]
    assert counts["delivered"] + counts["failed"] + counts["cancelled"] == len(campaign.messages)
    assert counts["cancelled"] >= len(STOPPED)
    assert counts["failed"] > 0


def test_the_network_took_each_attempt_once_and_no_other(campaign: Campaign) -> None:
    """`taken` has (message, attempt) as its key, so what is to be shown is that both records agree."""
    recorded = {(row["message_id"], row["attempt"]) for row in campaign.attempts}
    recorded |= {(row["id"], row["attempt"]) for row in campaign.messages if row["sent_s"] is not None}
    assert recorded == {(row["message_id"], row["attempt"]) for row in campaign.taken}


@pytest.mark.parametrize("by", ["hour", "account", "batch"])
def test_history_adds_up_to_what_was_sent(campaign: Campaign, by: str) -> None:
    rows = campaign.histories[by]
    sent = Counter((int(row["sent_s"] // HOUR_S)) for row in campaign.taken)
    told: Counter[int] = Counter()
    for row in rows:
        told[int(datetime.fromisoformat(row["hour"]).timestamp() // HOUR_S)] += row["messages_sent"]
        assert row["messages_sent"] == row["messages_delivered"] + sum(row["failures"].values())
    assert told - Counter() == sent
    assert sum(row["messages_delivered"] for row in rows) == campaign.stats["messages"]["delivered"]
    failures = sum((Counter(row["failures"]) for row in rows), Counter())
    assert failures == campaign.stats["failures"]


def test_history_by_tag_counts_each_tag_of_a_customer(campaign: Campaign) -> None:
    sent: Counter[str] = Counter()
    for row in campaign.histories["tag"]:
        sent[row["key"]] += row["messages_sent"]
    assert sent["bought"] == sent["vip"] > 0
    assert sent["bought"] + sent["prospect"] == len(campaign.taken)


def test_failed_messages_are_tried_once_more_after_the_wait(campaign: Campaign) -> None:
    sent_s = {(row["message_id"], row["attempt"]): row["sent_s"] for row in campaign.taken}
    assert campaign.attempts
    assert {row["attempt"] for row in campaign.taken} == {1, 2}
    for row in campaign.attempts:
        again_s = sent_s.get((row["message_id"], 2))
        assert again_s is None or again_s >= row["settled_s"] + HOUR_S - 1e-3


def test_caps_hold_in_every_window(campaign: Campaign) -> None:
    by_account = defaultdict(list)
    for row in campaign.taken:
        by_account[row["account"]].append(row["sent_s"])
    for account, times_s in by_account.items():
        assert most_in_any(times_s, 60) <= 10
        assert most_in_any(times_s, HOUR_S) <= 50
        assert most_in_any(times_s, DAY_S) <= (50 if account == 2 else 2800)
    assert len(by_account[1]) > len(by_account[2]) > 0


def test_no_customer_hears_more_often_than_the_cap(campaign: Campaign) -> None:
    by_customer = defaultdict(list)
    for row in campaign.taken:
        by_customer[row["phone"]].append(row["sent_s"])
    assert max(most_in_any(times_s, 10_800) for times_s in by_customer.values()) == 3
    assert max(map(len, by_customer.values())) == 4


def test_nothing_is_sent_in_quiet_hours(campaign: Campaign) -> None:
    for row in campaign.taken:
        local = datetime.fromtimestamp(row["sent_s"], ZoneInfo(campaign.zone_of[row["phone"]]))
        assert 8 <= local.hour < 22


def test_equal_texts_from_different_accounts_keep_their_distance(campaign: Campaign) -> None:
    last: dict[int, tuple[float, int]] = {}
    for row in campaign.taken:
        content = campaign.content_of[row["message_id"]]
        at_s, account = last.get(content, (float("-inf"), row["account"]))
        assert account == row["account"] or row["sent_s"] - at_s >= 15 - 1e-5
        last[content] = (row["sent_s"], row["account"])


def test_nothing_is_sent_after_stop(campaign: Campaign) -> None:
    assert set(campaign.opt_outs) == set(STOPPED)
    late = [
        row for row in campaign.taken if row["sent_s"] > campaign.opt_outs.get(row["phone"], float("inf"))
    ]
    assert late == []


def test_a_banned_account_sends_no_more(campaign: Campaign) -> None:
    by_account = {row["account"]: row["sent_s"] for row in campaign.taken}  # the last one stays
    assert by_account.get(0, 0.0) <= campaign.closed_s  # a slow machine may ban it before its first
    assert by_account[1] > campaign.closed_s


def test_the_delivery_rate_is_that_of_the_sends(campaign: Campaign) -> None:
    delivered = sum(row["reason"] is None for row in campaign.taken)
    assert campaign.stats["sends"] == len(campaign.taken)
    assert campaign.stats["delivery_rate"] == pytest.approx(delivered / len(campaign.taken))
    assert campaign.stats["failures"].keys() == {"transient", "unregistered"}
