"""Counts over a moving window, kept in steps: constant memory, exact to one step."""


class Rolling:
    """How often each of `kinds` things happened in the last `steps` steps of `step_s` seconds.

    The running step is the newest, so the window is between `steps - 1` and `steps` steps long.
    """

    __slots__ = ("_newest", "_steps", "step_s", "totals")

    def __init__(self, kinds: int, steps: int, step_s: float) -> None:
        self.step_s = step_s
        self.totals = [0] * kinds
        self._steps = [[0] * kinds for _ in range(steps)]
        self._newest = 0

    def add(self, now_s: float, kind: int, count: int = 1, then_s: float | None = None) -> None:
        """`then_s`: the earlier time that it belongs to and leaves with; one that has left is not counted."""
        newest = int(now_s // self.step_s)
        if newest != self._newest:
            self._advance(newest)
        step = newest if then_s is None else int(then_s // self.step_s)
        if step > newest - len(self._steps):
            self._steps[step % len(self._steps)][kind] += count
            self.totals[kind] += count

    def at(self, now_s: float) -> list[int]:
        """The totals; the list is the counter's own: read it, do not keep it."""
        newest = int(now_s // self.step_s)
        if newest != self._newest:
            self._advance(newest)
        return self.totals

    def _advance(self, newest: int) -> None:
        for step in range(max(self._newest + 1, newest - len(self._steps) + 1), newest + 1):
            old = self._steps[step % len(self._steps)]
            for kind, count in enumerate(old):
                self.totals[kind] -= count
                old[kind] = 0
        self._newest = newest
