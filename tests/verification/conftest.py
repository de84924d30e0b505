from pathlib import Path

import pytest
from verification_table import HEAD, Table, markdown

TABLE = pytest.StashKey[Table]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-table", type=Path, help="write the verification table as a page to this file")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    return request.config.stash.setdefault(TABLE, Table())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Only where the option is known: `make verify`, not a run of all tests."""
    config = terminalreporter.config
    page = config.getoption("--write-table", default=None)
    if page is None:
        return
    tables = markdown(config.stash[TABLE].rows)
    terminalreporter.write(tables)
    if exitstatus == pytest.ExitCode.OK:
        page.write_text(HEAD + tables, encoding="utf-8")
