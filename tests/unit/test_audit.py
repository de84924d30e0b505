import importlib.util
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("audit", Path(__file__).parents[2] / ".ci" / "audit.py")
assert _spec is not None
assert _spec.loader is not None
audit = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(audit)

GOOD = {"name": "good", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
OPEN = {"name": "open", "version": "3.0", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}
NOBODY_KNOWS = {"name": "new", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "status", "says"),
    [
        ([GOOD], 0, "audit: no known vulnerability in 1 packages"),
        ([GOOD, NOBODY_KNOWS], 0, "audit: no known vulnerability in 1 packages; 1 are not known"),
        ([NOBODY_KNOWS, NOBODY_KNOWS], 0, "audit skipped: the registry tells no advisories of any of 2"),
        ([GOOD, BAD, OPEN, NOBODY_KNOWS], 1, "2 known vulnerabilities:"),
    ],
)
def test_a_vulnerability_fails_and_silence_is_no_all_clear(
    packages: list[dict[str, Any]], status: int, says: str
) -> None:
    found, lines = audit.verdict({"dependencies": packages}, "")
    assert (found, lines[0].startswith(says)) == (status, True), lines


def test_each_vulnerability_is_named_with_its_mend() -> None:
    _, lines = audit.verdict({"dependencies": [BAD, OPEN]}, "")
    assert lines[1:] == ["  bad 2.0: PYSEC-1, mended in 2.1", "  open 3.0: PYSEC-2, mended in no release yet"]


@pytest.mark.parametrize(
    "said",
    [
        "requests.exceptions.ProxyError: HTTPSConnectionPool(host='x', port=443): Max retries exceeded",
        "ERROR:pip_audit._cli:x\npip_audit._service.interface.ConnectionError: Could not connect",
        "requests.exceptions.ReadTimeout: x",
    ],
)
def test_a_refused_connection_is_skipped_with_its_reason_and_without_an_address(said: str) -> None:
    status, (line,) = audit.verdict(None, said)
    assert status == 0
    assert line.startswith("audit skipped: the advisory service does not answer (")
    assert "host" not in line


def test_an_audit_that_fails_otherwise_fails() -> None:
    assert audit.verdict(None, "usage: pip-audit\nerror: no such option") == (
        2,
        ["the audit failed:", "usage: pip-audit", "error: no such option"],
    )
