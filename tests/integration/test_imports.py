"""The import contracts hold, and would notice if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PACKAGES = ("server", "simulator", "loadtests", "scenarios", "reports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--config", "pyproject.toml", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.csv"))
    for name in ("pyproject.toml", "wavetank.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_tree_keeps_every_contract(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("server/app.py", "import simulator"),
        ("server/dispatch/replies.py", "import scenarios.schema"),
        ("scenarios/loading.py", "import server.dispatch.pacing"),
        ("simulator/run.py", "import server.app"),
        ("simulator/run.py", "import server.network.tiers"),
        ("server/network/tiers.py", "import time"),
        ("loadtests/run.py", "import server.app"),
        ("reports/page.py", "import simulator.run"),
        ("simulator/world.py", "import wavetank"),
    ],
)
def test_an_import_across_the_floors_breaks_a_contract(tree: Path, module: str, line: str) -> None:
    path = tree / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = lint(tree)
    assert done.returncode == 1, done.stdout
    assert "0 broken" not in done.stdout
