"""Ctrl-C: while a program starts, what its children see of it, and how a command ends that says more of it.

Python answers it with the place in the code where it came, which tells a user nothing.
"""

import os

INTERRUPTED = 130  # exit status after Ctrl-C, as shells give it

try:
    import signal
    from collections.abc import Iterator
    from contextlib import contextmanager
except KeyboardInterrupt:  # these are the first ones of a program
    os._exit(INTERRUPTED)


class Stopped(Exception):
    """Ctrl-C during a command that says how to go on."""


def end_without_a_word() -> None:
    """From now on Ctrl-C ends this process at once; before there is anything to be lost.

    Unless it is ignored, as in a job in the background, or somebody waits for it in another way.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_again() -> None:
    """Ctrl-C is KeyboardInterrupt again, for those who say how they stop."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def hold_back() -> None:
    """Ctrl-C waits, also in the program that takes this one's place, until that calls `let_come`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def let_come() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def deaf_children() -> Iterator[None]:
    """Ctrl-C waits meanwhile, and never reaches a process that is started here.

    That would die of it, with a traceback, before it can ignore it. Who starts it stops it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(_signal: int, _frame: object) -> None:
    os._exit(INTERRUPTED)
