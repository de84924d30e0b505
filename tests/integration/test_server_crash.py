"""kill -9 in the middle of dispatch: nothing acknowledged is lost, nothing confirmed is repeated."""

import random
import sqlite3
import threading
import time
from pathlib import Path

import httpx
from running_server import numbers, running, write_scenario
from test_server_dispatch import read, until_finished

KILLS = 3
BATCHES, SIZE = 6, 40
OPTIONS = (
    "--speed=3600",
    "--set=pacing.rate_per_min=60",
    "--set=pacing.rate_per_hour=3600",
    "--set=pacing.equal_content_gap_s=0",
    "--set=pacing.customer_cap=100",
    "--set=pacing.quiet_from=00:00",
    "--set=pacing.quiet_until=00:00",
    "--set=campaign.retry_after_h=1",
)


def post_until_killed(client: httpx.Client, life: int, acknowledged: dict[str, int]) -> None:
    """Send batch after batch; remember those that were acknowledged."""
    for index in range(BATCHES):
        recipients = [{"to": number, "variables": {"n": number}} for number in numbers("212", SIZE)]
        try:
            answer = client.post(
                "/send", json={"template": f"{life}/{index} {{n}}", "recipients": recipients}
            )
        except httpx.TransportError:
            return
        assert answer.status_code == 202
        acknowledged[answer.json()["batch_id"]] = answer.json()["accepted"]


def until_more(acknowledged: dict[str, int], than: int) -> None:
    end = time.monotonic() + 10
    while len(acknowledged) <= than:
        assert time.monotonic() < end, "no batch was acknowledged"
        time.sleep(0.005)


def test_every_acknowledged_message_survives_three_kills(tmp_path: Path) -> None:
    scenario, db = write_scenario(tmp_path, SIZE), tmp_path / "wavetank.db"
    acknowledged: dict[str, int] = {}
    draw = random.Random(4)
    for life in range(KILLS):
        with running(scenario, db, *OPTIONS) as server, server.client() as client:
            sender = threading.Thread(target=post_until_killed, args=(client, life, acknowledged))
            before = len(acknowledged)
            sender.start()
            until_more(acknowledged, than=before)
            time.sleep(draw.uniform(0.0, 0.1))
            server.process.kill()
            sender.join()
    left_open = read(db, "SELECT status, count(*) AS n FROM messages GROUP BY status")
    with running(scenario, db, *OPTIONS) as server, server.client() as client:
        until_finished(client)
        counts = {batch: client.get(f"/send/{batch}").json()["counts"] for batch in acknowledged}

    assert {row["status"] for row in left_open} - {"delivered", "failed"}, "the kills came too late"
    assert len(acknowledged) >= KILLS
    for batch, accepted in acknowledged.items():
        assert counts[batch]["delivered"] + counts[batch]["failed"] == accepted
        assert sum(counts[batch].values()) == accepted
    attempts = read(
        db,
        "SELECT message_id, attempt, sent_s FROM attempts UNION ALL SELECT id, attempt, sent_s FROM messages",
    )
    taken = read(tmp_path / "wavetank.network.db", "SELECT message_id, attempt, sent_s FROM accepted")
    assert sorted(map(tuple, attempts)) == sorted(map(tuple, taken))


def test_a_database_that_stops_answering_is_told_and_recovered_from_without_restart(tmp_path: Path) -> None:
    scenario, db = write_scenario(tmp_path, SIZE), tmp_path / "wavetank.db"
    body = {"template": "Hi", "recipients": [{"to": "+12125550100"}]}
    with running(scenario, db, *OPTIONS) as server, server.client() as client:
        lock = sqlite3.connect(db, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        answer = client.post("/send", json=body)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert sum(client.get("/stats").json()["messages"].values()) == 0
        lock.execute("ROLLBACK")
        lock.close()
        assert client.post("/send", json=body).status_code == 202
        counts = until_finished(client)["messages"]
    assert counts["delivered"] + counts["failed"] == sum(counts.values()) == 1
