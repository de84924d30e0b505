import sys
from pathlib import Path

import pytest

from loadtests import target
from loadtests.target import own_server
from scenarios.errors import InputError


def pretend(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Run this program instead of a server."""
    real = target.subprocess.Popen
    monkeypatch.setattr(
        target.subprocess, "Popen", lambda command, **kwargs: real([sys.executable, "-c", program], **kwargs)
    )


def test_a_server_that_logs_a_lot_is_not_held_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(
        monkeypatch,
        "import sys, time; sys.stderr.write('x' * 300_000); print('listening on http://127.0.0.1:1', flush=True);"
        "time.sleep(30)",
    )
    with own_server(tmp_path / "s.toml", database=tmp_path / "x.db", speed=1.0) as running:
        assert running.url == "http://127.0.0.1:1"
        assert len(running.token) >= 32


def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, "import sys; sys.exit('no room on the disk')")
    with (
        pytest.raises(InputError, match="the server did not start: no room on the disk"),
        own_server(tmp_path / "s.toml", database=tmp_path / "x.db", speed=1.0),
    ):
        pass
