"""How the emulator starts, and how it says why it cannot."""

import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from running_emulator import NUMBER, ROOT, TOKEN, emulator, new_customer, receiver, until

from scenarios.errors import InputError
from scenarios.loading import load
from server.network.graph.options import Options, settings_of
from server.network.graph.options import start as run


def start(*options: str, token: str | None = TOKEN) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAVETANK_")}
    if token is not None:
        environment["WAVETANK_TOKEN"] = token
    return subprocess.Popen(
        [sys.executable, "-c", "import wavetank; wavetank.main()", "emulator", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(profile="x"), "--profile x: must be one of modern, legacy, mixed"),
        (Options(customers="x"), "--customers x: must be one of scenario, predictable"),
        (Options(moved=["131047=post"]), "--place 131047=post: must be CODE=sync or CODE=webhook"),
        (Options(moved=["7=sync"]), "7 is no known code"),
        (Options(moved=["132001=webhook"]), "--place: error place: 132001 cannot be moved"),
        (Options(number_ids=["abc"]), "--phone-number-id abc: must be 1 to 32 digits"),
        (Options(number_ids=["7", "8", "7"]), "--phone-number-id 7: given more than once"),
        (Options(number_ids=["102290000000001"]), "is the id of the account, the app or the business"),
        (Options(moved=[f"{'9' * 5000}=sync"]), "must be CODE=sync or CODE=webhook"),
        (Options(allowed_hosts=["10.0.0.0/33"]), "--allow-webhook 10.0.0.0/33: must be a host, an address"),
        (Options(allowed_hosts=["http://example.org"]), "must be a host, an address or a network"),
        (Options(batch_max=1001), "--webhook-batch 1001: must be from 1 to 1000"),
        (Options(pacing_threshold=-1), "--template-pacing -1: must be from 0 to 1e+09"),
        (Options(level=5), "--tier 5: must be from 0 to 4"),
    ],
)
def test_a_wrong_option_is_named(options: Options, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        settings_of(load("bulk_send"), options, "secret")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("June", "--start June: must be a date or time such as 2025-06-01"),
        ("1999-01-01", "--start 1999-01-01: must lie from 2020 to 2099"),
    ],
)
def test_a_start_that_is_none_is_named(given: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        run(load("bulk_send"), Options(start=given))


@pytest.mark.parametrize(
    ("day", "limit", "model"),
    [
        ("2025-06-01", "TIER_1K", "CBP"),
        ("2025-08-01T12:00+02:00", "TIER_1K", "PMP"),
        ("2026-03-01", "TIER_2K", "PMP"),
    ],
)
def test_it_starts_under_the_rules_of_a_day(day: str, limit: str, model: str) -> None:
    with receiver() as hook, emulator("--start", day, "--speed", "20") as running:
        now_s = running.get("/emulator/clock")["now_s"]
        assert datetime.fromtimestamp(now_s, UTC).date().isoformat() == day[:10]
        assert running.get(f"/{NUMBER}")["messaging_limit_tier"] == limit
        running.subscribe(hook.url)
        template = {"name": "hello_world", "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": new_customer(), "type": "template"}
        running.post(f"/{NUMBER}/messages", {**body, "template": template})
        status = hook.until(hook.statuses)[0]
        assert status["pricing"]["pricing_model"] == model


def test_its_limits_change_when_those_of_the_platform_did() -> None:
    """Two numbers, each with its own limit, share the higher one from 7 October on."""
    numbers = ("4711", "4712")
    given = [word for one in numbers for word in ("--phone-number-id", one)]
    with emulator("--start", "2025-10-06", *given) as running:

        def limits() -> list[str]:
            return [running.get(f"/{one}")["messaging_limit_tier"] for one in numbers]

        running.post("/emulator/numbers/4711", {"level": 0})
        assert limits() == ["TIER_250", "TIER_1K"]
        running.post("/emulator/clock", {"advance_s": 86_400})
        until(lambda: limits() == ["TIER_2K", "TIER_2K"])
        running.post("/emulator/numbers/4711", {"level": 2})
        assert limits() == ["TIER_10K", "TIER_10K"]


def test_a_webhook_address_that_is_not_allowed_is_one_line_and_status_2() -> None:
    process = start("--port", "0", "--webhook-url", "http://192.0.2.1/")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert "--webhook-url: 192.0.2.1 is not on the list of allowed hosts" in err


def test_it_shows_what_a_client_needs_and_stops_on_a_signal() -> None:
    process = start("--port", "0", "--phone-number-id", "4711", "--phone-number-id", "4712", token=None)
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(8)]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert [one.split(":")[0] for one in lines] == [
        "phone number id",
        "phone number id",
        "account id",
        "app id",
        "business id",
        "app secret",
        "token",
        "listening on http",
    ]
    assert lines[0].startswith("phone number id: 4711 ")
    assert lines[5].endswith("(shown once)")
