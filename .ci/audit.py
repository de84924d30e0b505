"""Asks for known vulnerabilities of every installed package, and tells silence from an all-clear.

Exit status: 0 none is known, or the audit was skipped and says why; 1 some are; 2 the audit itself failed.
Behind a registry that passes no advisories on, pip-audit says "no known vulnerabilities" of packages that
nobody knew anything of: that is skipped, not passed.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TIMEOUT_S = 15  # seconds for one answer; pip-audit asks once for each package
NO_ANSWER = re.compile(r"\b(\w*(?:ConnectionError|ProxyError|SSLError|Timeout|HTTPError|ServiceError))\b")


def verdict(report: dict[str, Any] | None, said: str) -> tuple[int, list[str]]:
    """Exit status and lines to print, from pip-audit's JSON report (None: it wrote none) and its output."""
    if report is None:
        if found := NO_ANSWER.findall(said):
            return 0, [f"audit skipped: the advisory service does not answer ({found[-1]})"]
        return 2, ["the audit failed:", *said.strip().splitlines()[-3:]]
    packages = report["dependencies"]
    known = [one for one in packages if "skip_reason" not in one]
    bad = [line for one in known for line in _vulnerabilities(one)]
    if bad:
        return 1, [f"{len(bad)} known vulnerabilities:", *bad]
    if packages and not known:
        return 0, [f"audit skipped: the registry tells no advisories of any of {len(packages)} packages"]
    unknown = len(packages) - len(known)
    rest = f"; {unknown} are not known to the registry" if unknown else ""
    return 0, [f"audit: no known vulnerability in {len(known)} packages{rest}"]


def _vulnerabilities(package: dict[str, Any]) -> list[str]:
    return [
        f"  {package['name']} {package['version']}: {one['id']}, "
        f"mended in {', '.join(one['fix_versions']) or 'no release yet'}"
        for one in package["vulns"]
    ]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off"]
        command += ["--timeout", str(TIMEOUT_S), "--format", "json", "--output", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        report = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    status, lines = verdict(report, done.stderr)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
