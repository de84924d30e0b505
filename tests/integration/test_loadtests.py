"""The load test end to end, its worker process included, against a small stand-in for the server."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loadtests.calibration import MOST_GAP_S, calibrate, of_target
from loadtests.run import run
from scenarios.errors import InputError
from scenarios.loading import Loaded, load
from scenarios.result import FILE_NAME, Calibration, Result, read
from server.dispatch.consent import is_opt_out
from server.dispatch.replies import decide, new_rules

pytestmark = pytest.mark.alone

TOKEN = "a-token-for-the-tests"
LOADED = load("bulk_send", ["conversations.think_time_mean_s=0.2", "population.size=500"])


class StandIn:
    """Answers as the reference server does, decided by the same policy; faults can be put in."""

    def __init__(self) -> None:
        replies = LOADED.scenario.replies
        self.rulebook = new_rules(
            replies.rules,
            fuzzy_score=replies.fuzzy_score,
            delay_min_s=replies.delay_min_s,
            delay_max_s=replies.delay_max_s,
            max_per_hour=replies.max_per_hour,
        )
        self.answers: dict[str, int] = {}
        self.with_human: set[str] = set()
        self.heard: list[dict[str, str]] = []
        self.posted: list[dict[str, Any]] = []
        self.connections: set[tuple[str, int]] = set()
        self.fault: Callable[[str], Response | None] = lambda text: None
        self.stall_s = 0.0
        self.group: int | None = None  # messages to a commit; None: it tells nothing of itself

    async def reply(self, request: Request) -> Response:
        message = await request.json()
        self.heard.append(message)
        self.connections.add(tuple(request.scope["client"]))
        if self.stall_s and len(self.heard) == 40:
            time.sleep(self.stall_s)  # the whole server stands still
        return self.fault(message["text"]) or JSONResponse(self.decide(message["from"], message["text"]))

    def decide(self, customer: str, text: str) -> dict[str, object]:
        if is_opt_out(text):
            return {"action": "opted_out", "intent": None, "answer": None, "delay_s": 0.0}
        decision = decide(
            self.rulebook,
            text,
            recent_answers=self.answers.get(customer, 0),
            with_human=customer in self.with_human,
            key=len(self.heard),
        )
        if decision.action == "answered":
            self.answers[customer] = self.answers.get(customer, 0) + 1
        if decision.action == "escalated":
            self.with_human.add(customer)
        return decision._asdict()

    async def send(self, request: Request) -> Response:
        body = await request.json()
        self.posted.append(body)
        rejected = [
            {"index": index, "to": one["to"], "field": "to", "reason": "invalid_number"}
            for index, one in enumerate(body["recipients"])
            if "?" in one["to"] or len(one["to"]) < 10
        ]
        accepted = len(body["recipients"]) - len(rejected)
        return JSONResponse({"batch_id": "b1", "accepted": accepted, "rejected": rejected}, 202)

    async def progress(self, request: Request) -> Response:
        return JSONResponse(
            {
                "batch_id": "b1",
                "counts": {"queued": 20, "sending": 0, "sent": 1, "delivered": 379, "failed": 0},
                "failures": {"transient": 20},
                "retrying": 20,
                "first_send": "2026-12-01T14:00:00Z",
                "last_send": "2026-12-01T15:00:00.5Z",
            }
        )

    async def stats(self, request: Request) -> Response:
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            return JSONResponse({"detail": "give a valid token", "field": "Authorization"}, 401)
        if self.group is None:
            return JSONResponse({})
        heard = len(self.heard)
        return JSONResponse({"process_cpu_s": heard * 0.001, "commits": heard // self.group})

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/reply", self.reply, methods=["POST"]),
                Route("/send", self.send, methods=["POST"]),
                Route("/send/b1", self.progress),
                Route("/stats", self.stats),
                Route("/healthz", self.stats),
            ]
        )


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def target(stand_in: StandIn) -> Iterator[str]:
    config = uvicorn.Config(stand_in.app(), port=0, log_level="error", ws="none", timeout_keep_alive=60)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(autouse=True)
def _short_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtests.run.RAMP_LEAST_S", 0.5)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[str]]:
    """The worker processes that a run started."""
    started: list[subprocess.Popen[str]] = []

    class Noted(subprocess.Popen[str]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr("loadtests.generator.subprocess.Popen", Noted)
    return started


def hold(target: str, out: Path | None = None, loaded: Loaded = LOADED, **asked: Any) -> Result:
    asked = {"conversations": 20, "duration_s": 2.0, "progress": None, "campaign": False} | asked
    return run(loaded, target=target, token=TOKEN, out=out, **asked)


def test_a_run_measures_conversations_and_campaign_and_writes_its_result(
    stand_in: StandIn, target: str, tmp_path: Path
) -> None:
    lines: list[str] = []
    result = hold(
        target, tmp_path, campaign=True, progress=lines.append, calibration=Calibration([0.001, 0.002], 0.5)
    )
    value = {name: kpi.value for name, kpi in result.kpis.items()}

    assert (result.kind, result.scenario, result.replications) == ("load", "bulk_send", 1)
    assert value["error_rate"] == 0.0
    assert value["conversations_concurrent_peak"] == 20
    assert value["conversations_completed"] > 20  # places were taken again by the next customers
    # 20 places, one message each in a pause and an answer: Little's law
    assert value["requests_per_s"] == pytest.approx(20 / 0.2, rel=0.3)
    assert 0 < value["response_time_s_p50"] <= value["response_time_s_p95"] <= value["response_time_s_p99"]
    assert value["response_time_s_p95"] < 0.5
    assert 0.02 < value["escalation_rate"] < 0.2
    assert 0 < value["client_cpu"] < 1

    assert len(stand_in.posted[0]["recipients"]) == 500
    assert value["contacts_rejected"] > 20
    assert value["messages_sent"] == 400
    assert value["messages_delivered"] == 379
    assert value["delivery_rate"] == pytest.approx(379 / 400)
    assert value["send_duration_s"] == 3600.5

    assert sum(result.distributions["response_time_s"].counts) == result.exposures
    assert sum(result.distributions["service_time_s"].counts) == result.exposures
    assert sum(result.distributions["calibration_time_s"].counts) == 2
    assert set(result.series) == {
        "requests_per_s", "response_time_s_p95", "conversations_open", "client_cpu", "messages_queued"
    }  # fmt: skip
    assert {verdict.kpi for verdict in result.verdicts} >= {"client_cpu", "response_time_s_p95"}
    assert result.provenance["conversations.at_once"].value == 20
    assert result.provenance["conversations.at_once"].source == "asked for in this run"
    assert result.provenance["accounts.count"].value == 10

    written = read(tmp_path)
    assert (written.kpis, written.series, written.verdicts) == (result.kpis, result.series, result.verdicts)
    assert (written.distributions, written.exposures) == (result.distributions, result.exposures)
    assert msgspec.json.decode((tmp_path / "failures.json").read_bytes()) == []
    assert lines[0].startswith("campaign posted: ")
    assert any("20 conversations open" in line for line in lines)


def test_customers_write_the_same_in_every_run(stand_in: StandIn, target: str) -> None:
    hold(target)
    first, stand_in.heard = stand_in.heard, []
    stand_in.answers.clear()
    stand_in.with_human.clear()
    hold(target)
    texts = [{(m["from"], m["message_id"][8:], m["text"]) for m in run} for run in (first, stand_in.heard)]
    shorter = min(map(len, texts))
    assert len(texts[0] & texts[1]) >= 0.75 * shorter  # they differ only in how far they came
    assert not {m["message_id"] for m in first} & {m["message_id"] for m in stand_in.heard}


def test_an_answer_that_means_the_wrong_thing_is_an_error_and_is_shown(
    stand_in: StandIn, target: str, tmp_path: Path
) -> None:
    def mistake(text: str) -> Response | None:
        wrong = {"action": "answered", "intent": "size", "answer": "", "delay_s": 5}
        return JSONResponse(wrong) if text in ("Hi", "hello", "good morning") else None

    stand_in.fault = mistake
    lines: list[str] = []
    result = hold(target, tmp_path, progress=lines.append)
    assert 0.1 < result.kpis["error_rate"].value < 0.3
    assert any("expected greeting, got size" in line for line in lines)
    failures = msgspec.json.decode((tmp_path / "failures.json").read_bytes())
    assert [(one["expected"], one["got"]) for one in failures] == [("greeting", "size")]
    assert failures[0]["text"] in ("Hi", "hello", "good morning")
    verdict = next(verdict for verdict in result.verdicts if verdict.kpi == "error_rate")
    assert not verdict.met


def test_a_server_that_fails_every_time_gives_an_error_rate_of_one(
    stand_in: StandIn, target: str, tmp_path: Path
) -> None:
    faults = (Response(status_code=500), Response("hello"), JSONResponse([]))
    stand_in.fault = lambda text: faults[len(stand_in.heard) % 3]
    result = hold(target, tmp_path)
    assert result.kpis["error_rate"].value == 1.0
    assert result.kpis["conversations_completed"].value == 0
    failures = msgspec.json.decode((tmp_path / "failures.json").read_bytes())
    seen = {(one["expected"], one["got"]) for one in failures}
    assert seen == {("an answer", "status 500"), ("an answer", "not a JSON object")}


def test_more_than_a_thousand_places_keep_their_connections(stand_in: StandIn, target: str) -> None:
    """select() knows no descriptor above 1023: a client that asks it makes the others anew each time."""
    slow = load("bulk_send", ["conversations.think_time_mean_s=2"])
    result = hold(target, loaded=slow, conversations=1_100)
    assert result.kpis["conversations_concurrent_peak"].value == 1_100
    assert len(stand_in.heard) > 1_500
    assert len(stand_in.connections) <= 1_100


def test_a_server_that_stands_still_shows_in_the_response_times(stand_in: StandIn, target: str) -> None:
    stand_in.stall_s = 0.8
    result = hold(target, conversations=30)
    assert 0.5 < result.kpis["response_time_s_p99"].value < 1.5


def test_answers_later_than_the_timeout_are_errors(
    stand_in: StandIn, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtests.run.TIMEOUT_S", 0.3)
    stand_in.stall_s = 1.0
    result = hold(target, tmp_path, conversations=30)
    assert 0 < result.kpis["error_rate"].value < 0.5
    failures = msgspec.json.decode((tmp_path / "failures.json").read_bytes())
    assert {(one["expected"], one["got"]) for one in failures} == {("an answer", "none in time")}


def test_calibration_times_messages_one_after_another(stand_in: StandIn, target: str) -> None:
    calibration = of_target(target, TOKEN, LOADED, n=60)
    times = calibration.times_s
    assert calibration.busy_share == 1.0  # the stand-in does not tell its CPU time
    assert len(times) == 60
    assert all(0 < time_s < 1 for time_s in times)
    assert len(stand_in.heard) == 220  # 100 to warm up, and 60 at once
    assert len({message["from"] for message in stand_in.heard}) > 20


def test_calibration_tells_groups_by_the_commits(stand_in: StandIn, target: str) -> None:
    stand_in.group = 1
    alone = of_target(target, TOKEN, LOADED, n=40)
    assert alone.together_s is None
    assert alone.busy_share == pytest.approx(min(1.0, 40 * 0.001 / sum(alone.times_s)))
    stand_in.group = 5
    assert of_target(target, TOKEN, LOADED, n=40).together_s == pytest.approx(0.001)


def test_calibration_for_a_few_conversations_does_not_wait_for_their_pauses(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses_s: list[float] = []
    monkeypatch.setattr("loadtests.calibration.sleep", pauses_s.append)
    of_target(target, TOKEN, load("bulk_send", ["conversations.at_once=1"]), n=20)
    assert 0 < max(pauses_s) <= MOST_GAP_S


def test_calibration_times_the_load_generator_itself(stand_in: StandIn, target: str) -> None:
    calibration = calibrate(target, TOKEN, LOADED)
    assert 1e-5 < calibration.client_s < 0.1
    assert len(calibration.times_s) == 300
    assert len({message["from"] for message in stand_in.heard}) > 200


def test_a_refused_token_is_one_line(target: str) -> None:
    with pytest.raises(
        InputError, match=r"token: refused by http://.* .401: Authorization: give a valid token"
    ):
        run(LOADED, target=target, token="wrong", conversations=1, duration_s=2.0, out=None, progress=None)
    with pytest.raises(InputError, match="token: refused"):
        calibrate(target, "wrong", LOADED)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"conversations": 0}, "conversations: found 0; must be 1 or more"),
        ({"duration_s": 0.5}, "duration: found 0.5 s; must be 2 s or more"),
        ({"conversations": 10**9}, "conversations: found 1000000000; this system allows a process"),
    ],
)
def test_what_cannot_be_held_is_refused_before_anything_is_sent(
    stand_in: StandIn, target: str, asked: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        hold(target, **asked)
    assert not stand_in.heard


def test_a_worker_that_dies_is_one_line_and_writes_nothing(
    target: str, tmp_path: Path, workers: list[subprocess.Popen[str]]
) -> None:
    with pytest.raises(InputError, match="load test: the load generator ended early with status -9"):
        hold(target, tmp_path / "out", progress=lambda line: workers[0].kill())
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_the_worker_and_writes_nothing(
    target: str, tmp_path: Path, workers: list[subprocess.Popen[str]]
) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hold(target, tmp_path / "out", progress=interrupt)
    assert len(workers) == 1
    assert workers[0].returncode is not None
    assert not (tmp_path / "out" / FILE_NAME).exists()
