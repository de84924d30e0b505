"""A real server process on a small scenario, for the tests of this folder."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

ROOT = Path(__file__).parents[2]
TOKEN = "a token of the tests, long enough"
HEADER = {"Authorization": f"Bearer {TOKEN}"}

# Names by area code: New York, Chicago, Denver, Los Angeles (fictional 555-01xx numbers).
ZONES = {
    "212": "America/New_York",
    "312": "America/Chicago",
    "303": "America/Denver",
    "213": "America/Los_Angeles",
}


def numbers(area: str, count: int = 100) -> list[str]:
    return [f"+1{area}5550{line}" for line in range(100, 100 + count)]


def write_scenario(folder: Path, per_zone: int = 20, extra: str = "") -> Path:
    """A scenario with `per_zone` contacts in each zone; every fifth is tagged vip, one gave no consent."""
    rows = ["phone,name,timezone,tags,consent,voucher", "+12125550,Broken,America/New_York,bought,yes,V"]
    for area, zone in ZONES.items():
        rows += [
            f"{number},Ana,{zone},{'bought;vip' if index % 5 == 0 else 'prospect'},yes,V{index}"
            for index, number in enumerate(numbers(area, per_zone))
        ]
    rows.append("+14155550199,Nora,America/Los_Angeles,prospect,no,V")
    (folder / "small.csv").write_text("\n".join(rows), encoding="utf-8")
    path = folder / "small.toml"
    path.write_text(
        f'extends = "bulk_send"\nname = "small"\npopulation.contacts = "small.csv"\n{extra}', encoding="utf-8"
    )
    return path


# Nothing is lost: what is to be tried again tomorrow counts as not sent until then.
ALL_ARRIVE = ("--set", "network.unregistered_fraction=0", "--set", "network.delivery_rate=1")


class Running(NamedTuple):
    url: str
    process: subprocess.Popen[str]
    output: list[str]  # what it printed until it listened
    errors: list[str]  # what it wrote to stderr, once it has ended

    def client(self) -> httpx.Client:
        """A connection for each request, so that every worker gets some."""
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(base_url=self.url, headers=HEADER, timeout=20, limits=limits)

    def workers(self) -> list[int]:
        """The ids of the processes that serve, where there are several."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [pid for pid in map(int, children.split()) if b"spawn_main" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:  # it has just ended
        return b""


def start(
    scenario: Path, db: Path | str, *options: str, token: str | None = TOKEN, port: int = 0
) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "WAVETANK_TOKEN"}
    if token is not None:
        environment["WAVETANK_TOKEN"] = token
    return subprocess.Popen(
        [sys.executable, "-m", "server", str(scenario), "--port", str(port), "--db", str(db), *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def running(scenario: Path, db: Path | str, *options: str, token: str | None = TOKEN) -> Iterator[Running]:
    """A server that listens; killed at the end if it still runs."""
    process = start(scenario, db, *options, token=token)
    assert process.stdout is not None
    assert process.stderr is not None
    output: list[str] = []
    errors: list[str] = []
    try:
        while not (output and output[-1].startswith("listening on ")):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            output.append(line.rstrip("\n"))
        yield Running(output[-1].removeprefix("listening on "), process, output, errors)
    finally:
        process.kill()
        errors.append(process.communicate()[1])


def refused(scenario: Path, db: Path | str, *options: str, token: str | None = TOKEN, port: int = 0) -> str:
    """What a server that cannot start says; it must be one line, with exit status 2."""
    process = start(scenario, db, *options, token=token, port=port)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 2, err
    assert out == ""
    assert err.count("\n") == 1, err
    return err
