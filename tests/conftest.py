import example_results
import pytest
from hypothesis import HealthCheck, settings

from scenarios.result import Result

# Seeded, and no test fails because the machine is slow.
settings.register_profile(
    "wavetank", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("wavetank")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills", type=int, default=3, help="how often a server under load is killed (make crash: 20)"
    )


@pytest.fixture(scope="session")
def simulated() -> Result:
    """A result of the simulator, with every KPI, series and distribution that it writes."""
    return example_results.simulation()


@pytest.fixture(scope="session")
def measured() -> Result:
    """A result of a load test of the same scenario."""
    return example_results.load()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` looks for tests that need the machine alone in one folder only."""
    for item in items:
        if item.get_closest_marker("alone") and "integration" not in item.path.parts:
            raise pytest.UsageError(f"{item.nodeid}: is marked alone; move it to tests/integration")
