"""How SQLite goes about what some work asks of it."""

from collections.abc import Callable

from sqlalchemy import Connection


def query_plans(connection: Connection, work: Callable[[], object], *, of: str = "") -> list[str]:
    """The steps of SQLite's own plan for each statement of the work that begins with `of`."""
    seen: list[str] = []
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_trace_callback(seen.append)
    work()
    driver.set_trace_callback(None)
    return [
        row[3]
        for statement in seen
        if statement.startswith(of) and not statement.startswith("--")
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
    ]
