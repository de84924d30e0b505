"""A log that is not flooded: what is said again and again, as of a full disk, is counted instead."""

import logging
import time
from collections.abc import Callable
from typing import Any

EVERY_S = 30.0  # assumed: so often the same is said again
MOST_KEPT = 200  # different things; then all are forgotten, and said again


class Seldom(logging.Filter):
    """Lets the same record through once in EVERY_S real seconds, with how many were left out since."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[Any, tuple[float, int]] = {}  # when last, and how often since

    def filter(self, record: logging.LogRecord) -> bool:
        key = (record.name, record.getMessage(), _place(record))
        at_s, left_out = self._said.get(key, (float("-inf"), 0))
        if self._clock() < at_s + EVERY_S:
            self._said[key] = (at_s, left_out + 1)
            return False
        if len(self._said) >= MOST_KEPT:
            self._said.clear()
        self._said[key] = (self._clock(), 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} times more before this)", None
        return True


def _place(record: logging.LogRecord) -> Any:
    """Where an exception was raised, if the record carries one."""
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else (trace.tb_frame.f_code, trace.tb_lineno)
