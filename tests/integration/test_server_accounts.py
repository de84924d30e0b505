"""A fleet of 500 accounts: balanced, warmed up, healthy or not, and what a ban makes of its messages."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from running_server import ALL_ARRIVE, Running, running, write_scenario

EXTRA = """accounts.count = 500
accounts.new_count = 100
accounts.age_months = 7.0
"""
# No phone is away for minutes of the clock, for which the last message would be waited for.
SOON = ("--set", "network.delivery_delay_log_sd=0.5")
AREAS = ("212", "312", "646", "718", "917", "347", "929", "516", "631", "914")
EAST = [f"+1{area}555{line:04d}" for area in AREAS[:2] for line in range(100, 200)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """One for each test: they count what all accounts did."""
    scenario = write_scenario(tmp_path, extra=EXTRA)
    with running(scenario, tmp_path / "wavetank.db", "--speed", "60", *ALL_ARRIVE, *SOON) as server:
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def send(client: httpx.Client, texts: list[tuple[str, str]]) -> str:
    recipients = [
        {"to": phone, "variables": {"text": text}, "timezone": "America/New_York"} for phone, text in texts
    ]
    answer = client.post("/send", json={"template": "{text}", "recipients": recipients}).json()
    assert answer["accepted"] == len(texts), answer
    return str(answer["batch_id"])


def wait_until_settled(client: httpx.Client, batch: str) -> None:
    """What failed is tried again the next day, and not waited for."""
    until = monotonic() + 60
    while monotonic() < until:
        progress = client.get(f"/send/{batch}").json()
        counts = progress["counts"]
        if counts["queued"] == progress["retrying"] and not counts["sending"] and not counts["sent"]:
            return
        sleep(0.2)
    pytest.fail(str(progress))


def test_five_hundred_accounts_are_ten_panels_and_the_oldest_are_to_be_replaced(client: httpx.Client) -> None:
    found = client.get("/accounts").json()
    assert len(found["accounts"]) == 500
    assert [panel["accounts"] for panel in found["fleet"]["panels"]] == [50] * 10
    assert found["fleet"]["warming_up"] == 100
    # 150 of 500: the oldest are all of one age, so the first of them.
    assert found["fleet"]["replace"] == list(range(150))
    assert found["fleet"]["replace_cost_usd"] == [450.0, 1200.0]
    assert found["fleet"]["expected_open_rate"] < found["fleet"]["expected_open_rate_after"]
    old, new = found["accounts"][0], found["accounts"][499]
    assert (old["advice"], new["advice"], new["age_days"]) == ("replace", "keep", None)
    assert old["age_days"] == pytest.approx(7 * 30.44, abs=0.5)
    assert old["capacity_per_day"] > new["capacity_per_day"] == 50


def test_a_batch_is_balanced_over_the_accounts_and_told_in_their_health(client: httpx.Client) -> None:
    wait_until_settled(client, send(client, [(phone, f"text {phone}") for phone in EAST]))
    accounts = client.get("/accounts").json()["accounts"]
    used = Counter(one["sent"] for one in accounts)
    assert max(used) == 1
    assert used[1] == len(EAST)
    assert sum(one["attempts"] for one in accounts) == len(EAST)
    assert sum(one["delivered"] + one["failed"] for one in accounts) == len(EAST)


def test_a_block_counts_against_the_account_that_wrote_last(client: httpx.Client) -> None:
    wait_until_settled(client, send(client, [(EAST[0], "text")]))
    client.post("/events", json={"events": [{"contact": EAST[0], "kind": "blocked"}]})
    blocked = [one for one in client.get("/accounts").json()["accounts"] if one["blocks"]]
    assert [(one["blocks"], one["sent"]) for one in blocked] == [(1, 1)]


def test_what_a_banned_account_had_goes_to_the_others(client: httpx.Client) -> None:
    """Two messages an account, of which it may have sent some by then."""
    phones = [f"+1{area}555{line:04d}" for area in AREAS for line in range(100, 200)]
    batch = send(client, [(phone, f"again {phone}") for phone in phones])
    banned = client.post("/emulator/accounts/7/ban").json()
    assert banned["open"] is False
    wait_until_settled(client, batch)
    counts = client.get(f"/send/{batch}").json()["counts"]
    assert sum(counts.values()) == len(phones)
    found = client.get("/accounts").json()
    account = found["accounts"][7]
    assert sum(one["attempts"] for one in found["accounts"]) == len(phones)
    assert (account["score"], account["state"], account["advice"]) == (0, "banned", "keep")
    assert account["capacity_per_day"] == 0
    assert found["fleet"]["open"] == 499
    assert "accounts_banned" in found["fleet"]["alarms"]
    assert 7 not in found["fleet"]["replace"]
