import asyncio
import time
from itertools import pairwise

from server.clock import Clock
from server.network.graph.calendar import AT_ONCE, REST_S, Calendar


def test_actions_come_in_order_of_time_and_not_early() -> None:
    async def main() -> None:
        calendar, done = Calendar(Clock(0.0, 1.0)), []
        for at_s in (0.03, 0.01, 0.02, 0.01, -5.0):
            calendar.at(at_s, lambda at_s=at_s: done.append((at_s, calendar.clock.now())))  # type: ignore[misc]
        await asyncio.sleep(0.08)
        assert [at_s for at_s, _ in done] == [-5.0, 0.01, 0.01, 0.02, 0.03]
        assert all(now_s >= at_s for at_s, now_s in done)

    asyncio.run(main())


def test_what_falls_due_between_two_looks_is_done_together() -> None:
    async def main() -> None:
        calendar = Calendar(Clock(0.0, 1.0))
        looks: list[float] = []
        count = 200
        for index in range(count):
            calendar.at(index * REST_S / 20, lambda: looks.append(time.monotonic()))
        while calendar:
            await asyncio.sleep(0.001)
        groups = 1 + sum(later - earlier > REST_S / 2 for earlier, later in pairwise(looks))
        assert len(looks) == count
        assert groups <= count / 20 + 2

    asyncio.run(main())


def test_after_a_rest_what_comes_is_done_at_its_time() -> None:
    async def main() -> None:
        calendar, done = Calendar(Clock(0.0, 1.0)), []
        calendar.at(0.0, lambda: None)
        await asyncio.sleep(3 * REST_S)
        due_s = calendar.clock.now() + REST_S / 2
        calendar.at(due_s, lambda: done.append(calendar.clock.now()))
        await asyncio.sleep(10 * REST_S)
        assert done
        assert done[0] >= due_s

    asyncio.run(main())


def test_a_jump_of_the_clock_does_all_that_was_due_without_rests() -> None:
    async def main() -> None:
        calendar, done = Calendar(Clock(0.0, 1.0)), []
        for index in range(3 * AT_ONCE):
            calendar.at(1000.0 + index, lambda index=index: done.append(index))  # type: ignore[misc]
        calendar.clock.advance(10_000.0)
        calendar.clock_changed()
        for _ in range(6):
            await asyncio.sleep(0)
        await asyncio.sleep(REST_S / 5)
        assert done == list(range(3 * AT_ONCE))

    asyncio.run(main())
