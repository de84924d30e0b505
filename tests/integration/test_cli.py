"""The command line as a user meets it: exit statuses, one-line errors, one JSON document on stdout."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from datetime import date, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from simulator.customers.purchases import Bgnbd, simulate
from wavetank import main

ROOT = Path(__file__).parents[2]
SMALL = ["--set", "population.size=400", "--set", "accounts.count=3", "--replications", "3"]


def environment(token: str | None) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name != "WAVETANK_TOKEN"}
    return ours if token is None else {**ours, "WAVETANK_TOKEN": token}


def wavetank(*arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wavetank", *arguments],
        cwd=ROOT,
        env=environment(token),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def wavetank_here(*arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    """The same in this process, where the libraries are loaded already: a second or more a run less."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        mock.patch.object(sys, "argv", ["wavetank", *arguments]),
        mock.patch.dict(os.environ, environment(token), clear=True),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return subprocess.CompletedProcess(
        sys.argv, int(ended.value.code or 0), stdout.getvalue(), stderr.getvalue()
    )


def error_in(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a run that must fail with exit status 2."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert done.stdout == ""
    return lines[0]


def test_help_names_every_command() -> None:
    shown = wavetank_here("--help").stdout
    for command in ("demo", "scenarios", "simulate", "compare", "serve", "load", "report"):
        assert command in shown


@pytest.mark.parametrize(
    "command", [(), ("scenarios",), ("scenarios", "schema"), ("simulate",), ("compare",), ("load",)]
)
def test_help_of_a_command_names_it_and_shows_no_value_where_an_option_takes_none(
    command: tuple[str, ...],
) -> None:
    shown = wavetank(*command, "--help").stdout
    assert " ".join(("Usage: wavetank", *command, "[OPTIONS]")) in shown
    flags = ("--version", "--json", "--fresh", "--lowest")
    lines = [line.split() for line in shown.splitlines() if any(f" {flag} " in line for flag in flags)]
    assert lines
    assert not [line for line in lines if line[2].startswith("<")]


def test_the_version_is_that_of_the_package() -> None:
    assert wavetank_here("--version").stdout == f"wavetank {metadata.version('wavetank')}\n"


def test_scenarios_lists_and_shows_with_sources() -> None:
    assert "bulk_send" in wavetank_here("scenarios").stdout
    rows = json.loads(wavetank_here("scenarios", "show", "bulk_send", "--json").stdout)
    rate = next(row for row in rows if row["path"] == "pacing.rate_per_min")
    assert (rate["value"], rate["unit"], rate["source"][:4]) == (12, "messages/min", "C020")


def test_scenarios_check_counts_malformed_numbers() -> None:
    found = json.loads(wavetank_here("scenarios", "check", "bulk_send", "--json").stdout)
    assert found == {"scenario": "bulk_send", "contacts": 10_000, "malformed_numbers": 800}


def test_scenarios_schema_is_json() -> None:
    assert "$defs" in json.loads(wavetank_here("scenarios", "schema").stdout)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["simulate", "bulk_sned"], "did you mean 'bulk_send'?"),
        (["simulate", "bulk_send", "--set", "pacing.rate_per_mim=3"], "did you mean 'rate_per_min'?"),
        (["simulate", "bulk_send", "--replications", "1"], "experiment.replications: found 1; must be"),
        (
            ["simulate", "bulk_send", "--set", "pacing.rate_per_hour=0"],
            "found 0; must be a whole number >= 1",
        ),
        (["simulate", "none.toml"], "none.toml: no such scenario file"),
        (["simulate"], "Missing argument 'SCENARIO'"),
        (["simulate", "bulk_send", "--frobnicate"], "No such option: --frobnicate"),
        (["compare", "bulk_send"], "no variant to compare with; give --variant"),
        (
            ["compare", "bulk_send", "--variant", "fast:pacing.rate_per_mim=3"],
            "variant fast: pacing.rate_per_mim=3: pacing.rate_per_mim: unknown field; did you mean",
        ),
        (["compare", "bulk_send", "none.toml"], "none.toml: no such scenario file"),
        (
            ["compare", "bulk_send", "--variant", "a:pacing.rate_per_min=3", "--best", "orders"],
            "--best orders: needs --indifference, the least difference in it that matters",
        ),
        (["simulate", "bulk_send", "--primary", "roi"], "--primary: is about --precision; give that too"),
        (["simulate", "bulk_send", "--max-replications", "9"], "--max-replications: is about --precision"),
        (
            ["simulate", "bulk_send", "--trace", "customer:1", "--out", "x"],
            "--trace: prints the events of one run",
        ),
        (
            ["compare", "bulk_send", "--variant", "a:pacing.rate_per_min=3", "--lowest"],
            "--lowest: is about --best; give that too",
        ),
        (
            ["compare", "bulk_send", "--variant", "a:pacing.rate_per_min=3", "--indifference", "1"],
            "--indifference: is about --best",
        ),
        (["simulate", "a\nb.toml"], "wavetank: a b.toml: no such scenario file"),
        (["simulate", "bulk_send", "--backend", "dask"], "--backend dask: needs the address of a scheduler"),
        (["simulate", "bulk_send", "--scheduler", "x:1"], "--scheduler: is for a cluster; give --backend"),
        (
            ["simulate", "bulk_send", "--precision", "0.1", "--primary", "ordres"],
            "--primary ordres: no such KPI in this scenario; did you mean 'orders'?",
        ),
        (["load", "bulk_send", "--out", "README.md/x"], "README.md/x: cannot be made: "),
        (["load", "bulk_send", "--duration", "0.5"], "duration: found 0.5 s; must be 2 s or more"),
        (["demo", "--out", "README.md"], "README.md: cannot be made: README.md is a file; name a folder"),
        (["dance"], "No such command 'dance'"),
        (["report", "nowhere"], "nowhere: cannot be read"),
        (["load", "bulk_send", "--target", "http://127.0.0.1:9"], "WAVETANK_TOKEN: is not set"),
    ],
)
def test_wrong_input_is_one_line_and_exit_status_2(arguments: list[str], expected: str) -> None:
    assert expected in error_in(wavetank_here(*arguments))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_unicode_gets_plain_letters_and_json_stays_utf8(encoding: str) -> None:
    command = ["compare", "bulk_send", *SMALL, "--variant", "few:accounts.count=2", "--set", "title=für alle"]
    runs = [
        subprocess.run(
            [sys.executable, "-m", "wavetank", *command, *form],
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=False,
        )
        for form in ([], ["--json"])
    ]
    assert [(run.returncode, run.stderr) for run in runs] == [(0, b"")] * 2
    assert " variant - base in " in runs[0].stdout.decode(encoding)
    assert json.loads(runs[1].stdout.decode("utf-8"))["provenance"]["title"]["value"] == "für alle"


def test_names_are_printed_as_they_are_and_whole(tmp_path: Path) -> None:
    """Brackets are no markup, colons no emoji, and a path is not broken where a terminal would end."""
    folder = tmp_path / "a[bold]b :smile: c" / ("long" * 20)
    folder.mkdir(parents=True)
    scenario = folder / "mine[red].toml"
    scenario.write_text('extends = "bulk_send"\ntitle = "for [bold]us :smile:"\n', encoding="utf-8")
    done = wavetank_here("simulate", str(scenario), *SMALL, "--out", str(folder))
    assert f"written: {folder}/result.json" in done.stderr.splitlines()
    fast = ["--variant", "fast:pacing.rate_per_min=25"]
    done = wavetank_here("compare", str(scenario), *SMALL, *fast, "--out", str(folder))
    assert f"written: {folder}/compare.json" in done.stderr.splitlines()
    assert wavetank_here("report", str(folder), "--out", str(folder)).stdout == f"{folder}/report.html\n"
    assert wavetank_here("scenarios", "check", str(scenario)).stdout.startswith("mine[red].toml: ok. ")
    assert "title = for [bold]us :smile:\n" in wavetank_here("scenarios", "show", str(scenario)).stdout
    missing = error_in(wavetank_here("simulate", str(folder / "none.toml")))
    assert f"{folder}/none.toml: no such scenario file" in missing


def test_a_closed_stdout_is_no_error() -> None:
    command = f"'{sys.executable}' -m wavetank scenarios --json >&-"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_process_fails_with_one_line_too() -> None:
    assert "did you mean 'bulk_send'?" in error_in(wavetank("simulate", "bulk_sned"))


def test_a_broken_contact_file_names_file_and_line(tmp_path: Path) -> None:
    contacts = tmp_path / "broken.csv"
    contacts.write_text("phone,name,timezone,tags,consent,voucher\n+14155550100,Ada\n", encoding="utf-8")
    text = error_in(wavetank_here("simulate", "bulk_send", "--set", f"population.contacts={contacts}"))
    assert "broken.csv: line 2: found 2 cells; the header has 6 columns" in text


def with_orders(folder: Path, orders: str) -> str:
    """A scenario of 300 contacts with these past orders."""
    contacts = [f"+3319900{row:04d},N,UTC,,yes,V,c{row}" for row in range(300)]
    header = "phone,name,timezone,tags,consent,voucher,customer"
    (folder / "contacts.csv").write_text("\n".join([header, *contacts]), encoding="utf-8")
    (folder / "orders.csv").write_text(orders, encoding="utf-8")
    scenario = folder / "mine.toml"
    scenario.write_text(
        'extends = "bulk_send"\npopulation = { contacts = "contacts.csv", orders = "orders.csv" }\n',
        encoding="utf-8",
    )
    return str(scenario)


@pytest.mark.parametrize("command", [("scenarios", "check"), ("simulate",)])
def test_a_broken_file_of_orders_names_file_line_and_column(command: tuple[str, ...], tmp_path: Path) -> None:
    scenario = with_orders(tmp_path, "customer,date,value\nc1,2026-03-31,5\nc2,2026-03-31,-5\n")
    text = error_in(wavetank_here(*command, scenario))
    assert "orders.csv: line 3: value: found '-5'; must be a number >= 0" in text


def test_check_prints_what_is_fitted_to_orders(tmp_path: Path) -> None:
    first, start = np.zeros(299), date(2025, 11, 1)
    repeats = simulate(Bgnbd(r=2.0, alpha=60.0, a=1.5, b=4.0), first, 360.0, 1, 1)
    who, days = (
        np.concatenate(both).astype(int) for both in ((range(299), repeats.customer), (first, repeats.at))
    )
    rows = [
        f"c{customer},{start + timedelta(days=day)},{10 + day % 7}"
        for customer, day in zip(who.tolist(), days.tolist(), strict=True)
    ]
    scenario = with_orders(tmp_path, "\n".join(["customer,date,value", *rows]))
    done = wavetank_here("scenarios", "check", scenario, "--json")
    found = json.loads(done.stdout)["orders"]
    assert (found["customers"], found["contacts_without_orders"]) == (299, 1)
    assert 0 < found["purchases"] <= len(rows)
    assert 0.5 < found["r"] < 8
    assert "log_likelihood" in wavetank_here("scenarios", "check", scenario).stdout
    shown = json.loads(wavetank_here("scenarios", "show", scenario, "--json").stdout)
    assert next(row for row in shown if row["path"] == "purchases.r")["source"].startswith(
        "fitted: orders.csv"
    )


def test_a_target_that_does_not_answer_is_named() -> None:
    text = error_in(wavetank_here("load", "bulk_send", "--target", "http://127.0.0.1:9", token="x" * 32))
    assert "127.0.0.1:9" in text


def beside_modules_of_the_same_names(folder: Path) -> tuple[list[str], dict[str, Any]]:
    """The command in a folder with a bot of its own: a command line to begin with, and how it is run."""
    for name in ("server", "loadtests", "simulator", "locust"):
        (folder / f"{name}.py").write_text('raise SystemExit("the wrong module")\n')
    here = {"cwd": folder, "env": {**environment("x" * 32), "PYTHONPATH": str(ROOT)}, "text": True}
    return [sys.executable, "-P", "-m", "wavetank"], here


def test_a_bot_of_the_same_name_in_the_folder_is_not_run_instead(tmp_path: Path) -> None:
    """By `load` neither: see test_load_starts_a_server_and_reports_what_it_held."""
    command, here = beside_modules_of_the_same_names(tmp_path)
    with subprocess.Popen([*command, "serve", "--port", "0"], stdout=subprocess.PIPE, **here) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("listening on http://127.0.0.1:")
        server.terminate()
    assert server.returncode == 0


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        text = error_in(wavetank("serve", "--port", port, "--db", str(tmp_path / "x.db")))
    assert f"port {port}" in text
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such" / "folder" / "x.db"
    text = error_in(wavetank("serve", "--port", "0", "--db", str(missing)))
    assert "x.db" in text


def test_simulate_prints_one_json_document_of_the_agreed_shape() -> None:
    done = wavetank_here("simulate", "bulk_send", *SMALL, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["kind"] == "simulation"
    assert {
        "scenario",
        "seed",
        "replications",
        "horizon_s",
        "kpis",
        "series",
        "provenance",
        "wall_s",
        "exposures",
    } <= (set(document))
    assert document["replications"] == 3
    for name, kpi in document["kpis"].items():
        assert set(kpi) == {"value", "low", "high", "unit"}, name
        assert kpi["low"] <= kpi["value"] <= kpi["high"], name
    for series in document["series"].values():
        assert len(series["t_s"]) == len(series["value"]) > 0
    assert document["provenance"]["population.size"]["source"] == "--set on the command line"


def test_the_same_seed_gives_the_same_bytes_with_one_and_two_workers() -> None:
    one = wavetank_here("simulate", "bulk_send", *SMALL, "--json")
    two = wavetank("simulate", "bulk_send", *SMALL, "--json", "--workers", "2")
    assert one.stdout == two.stdout != ""
    other = wavetank_here("simulate", "bulk_send", *SMALL, "--json", "--seed", "2")
    assert other.stdout != one.stdout


FAST_AND_SAME = ["--variant", "fast:pacing.rate_per_min=25", "--variant", "same:pacing.rate_per_min=12"]


def test_compare_prints_paired_differences_the_same_with_one_and_two_workers(tmp_path: Path) -> None:
    commands = ["compare", "bulk_send", *FAST_AND_SAME, *SMALL, "--json", "--out", str(tmp_path)]
    one, two = wavetank_here(*commands), wavetank(*commands, "--workers", "2")
    assert one.returncode == 0, one.stderr
    assert one.stdout == two.stdout
    document = json.loads(one.stdout)
    assert (document["kind"], document["replications"]) == ("comparison", 3)
    same, fast = (document["variants"][name]["differences"] for name in ("same", "fast"))
    assert set(same) == set(fast) == set(document["base"])
    assert all((each["value"], each["low"], each["high"]) == (0, 0, 0) for each in same.values())
    assert fast["send_duration_s"]["value"] < 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compare.json", "compare.png", "compare.svg"]
    assert json.loads((tmp_path / "compare.json").read_text(encoding="utf-8")) == document


def test_compare_prints_a_table_and_sentences(tmp_path: Path) -> None:
    slow = tmp_path / "slow.toml"
    slow.write_text('extends = "bulk_send"\n[pacing]\nrate_per_min = 2\n', encoding="utf-8")
    done = wavetank("compare", "bulk_send", str(slow), *FAST_AND_SAME, *SMALL)
    assert done.returncode == 0, done.stderr
    assert "base: bulk_send" in done.stdout
    assert "slow: pacing.rate_per_min=2" in done.stdout
    assert "slow raises send duration by" in done.stdout
    assert "same: every KPI is the same as the base's in every replication." in done.stdout
    assert "(Bonferroni)" in done.stdout
    assert "…" not in done.stdout  # nothing is cut at 80 columns


def test_a_precision_adds_replications_or_exits_with_1() -> None:
    sizes = ["--set", "population.size=200", "--replications", "3", "--primary", "messages_clicked", "--json"]
    done = wavetank_here("simulate", "bulk_send", *sizes, "--precision", "0.3")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert 3 <= document["precision"]["first"] < document["replications"]
    assert document["precision"]["achieved"] <= 0.3
    short = wavetank_here("simulate", "bulk_send", *sizes, "--precision", "0.01", "--max-replications", "5")
    assert short.returncode == 1
    assert json.loads(short.stdout)["precision"]["first"] is None
    assert "NOT reached within 5; raise --max-replications or --precision" in short.stderr


def test_compare_names_the_best_or_exits_with_1() -> None:
    variant = ["--variant", "more:funnel.click=0.2", "--best", "messages_clicked", "--json"]
    done = wavetank_here("compare", "bulk_send", *SMALL, *variant, "--indifference", "5")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["best"]["chosen"] == "more"
    fine = ["--variant", "more:funnel.click=0.2", "--best", "orders", "--max-replications", "4"]
    done = wavetank_here("compare", "bulk_send", *SMALL, *fine, "--indifference", "0.0001")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("KPI")
    assert "No highest orders could be chosen within 4 replications" in done.stdout


def test_a_comparison_is_no_run_that_report_renders(tmp_path: Path) -> None:
    (tmp_path / "compare.json").write_text("{}", encoding="utf-8")
    found = error_in(wavetank_here("report", str(tmp_path), "--out", str(tmp_path / "page")))
    assert f"{tmp_path}: holds a comparison, whose table and figure compare has made" in found


def test_simulate_writes_a_result_that_report_renders(tmp_path: Path) -> None:
    wavetank_here("simulate", "bulk_send", *SMALL, "--out", str(tmp_path / "run"))
    done = wavetank_here("report", str(tmp_path / "run"), "--out", str(tmp_path / "page"))
    assert done.returncode == 0, done.stderr
    page = Path(done.stdout.strip())
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.alone
def test_load_starts_a_server_and_reports_what_it_held(tmp_path: Path) -> None:
    """In a folder that holds modules of the names of ours, which neither of its processes may run."""
    command, here = beside_modules_of_the_same_names(tmp_path)
    options = ["--set", "conversations.think_time_mean_s=0.5", "--set", "population.size=200", "--json"]
    load = [*command, "load", "bulk_send", "--conversations", "20", "--duration", "3", *options]
    done = subprocess.run(load, capture_output=True, timeout=120, check=False, **here)
    assert done.returncode in (0, 1), done.stderr
    document = json.loads(done.stdout)
    assert document["kind"] == "load"
    kpis = document["kpis"]
    assert kpis["conversations_concurrent_peak"]["value"] == 20
    assert kpis["error_rate"]["value"] == 0
    assert kpis["requests_per_s"]["value"] > 5
    assert kpis["conversations_completed"]["value"] > 0


@pytest.mark.alone
def test_ctrl_c_stops_a_load_test_with_its_server_and_writes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wavetank", "load", "bulk_send", "--conversations", "20"]
    running = subprocess.Popen(
        [*command, "--duration", "60", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stderr is not None
    line = next(line for line in running.stderr if "conversations open" in line)
    assert "0 errors" in line
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of its group
    _, rest = running.communicate(timeout=30)
    assert running.returncode == 130
    assert rest.strip().splitlines()[-1] == "stopped"
    assert list(tmp_path.iterdir()) == []  # neither results nor the server's scratch folder
    found = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    assert found.stdout == ""  # no server, no load generator


def test_the_command_of_a_working_copy_is_the_copy_s_own(tmp_path: Path) -> None:
    """A module copied at the installation would be yesterday's after the next change."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = "import wavetank, scenarios; print(wavetank.__file__, scenarios.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    command, package = map(Path, done.stdout.split())
    assert command.parent == package.parents[1]
    assert (command.parent / "pyproject.toml").is_file()
