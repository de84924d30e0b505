import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from test_server_delivery import Settings

from server.network.emulated import SCHEMA, Network, Outbound, Status
from server.store.sqlite import open_writer

SENDS = [Outbound(index, 1, 0, f"+1212555{index:04d}", 1_000.0 + index) for index in range(1, 301)]
LATE = 1e9


def use_network(
    path: Path, use: Callable[[Network], Awaitable[None]], settings: Settings | None = None
) -> None:
    async def main() -> None:
        with contextlib.closing(open_writer(path, SCHEMA)) as database:
            await use(Network(database, settings or Settings(), seed=1))

    asyncio.run(main())


def test_every_message_gets_one_status_when_its_time_comes(tmp_path: Path) -> None:
    async def use(network: Network) -> None:
        assert network.next_status_s() == float("inf")
        await network.accept(SENDS)
        first_s = network.next_status_s()
        assert network.statuses(first_s - 1e-6, 10) == []
        early = network.statuses(first_s, 10)
        late = network.statuses(LATE, 1_000)
        assert [status.settled_s for status in early] == [first_s]
        assert sorted(status.message_id for status in early + late) == list(range(1, 301))
        assert [s.settled_s for s in late] == sorted(s.settled_s for s in late)

    use_network(tmp_path / "n.db", use)


def test_a_message_sent_again_is_the_same_message(tmp_path: Path) -> None:
    async def use(network: Network) -> None:
        await network.accept(SENDS[:3])
        await network.accept([one._replace(sent_s=5_000.0) for one in SENDS[:3]])
        known = await network.known({(one.message_id, 1) for one in SENDS})
        assert known == {(one.message_id, 1): one.sent_s for one in SENDS[:3]}

    use_network(tmp_path / "n.db", use)


def test_after_a_restart_it_knows_its_messages_and_tells_their_statuses_again(tmp_path: Path) -> None:
    told: list[list[Status]] = []

    async def first_life(network: Network) -> None:
        await network.accept(SENDS)
        told.append(network.statuses(LATE, 1_000))

    async def second_life(network: Network) -> None:
        assert network.statuses(LATE, 1_000) == []
        asked = {(message_id, 1) for message_id in range(1, 11)} | {(999, 1), (1, 2)}
        assert set(await network.known(asked)) == {(message_id, 1) for message_id in range(1, 11)}
        told.append(network.statuses(LATE, 1_000))

    use_network(tmp_path / "n.db", first_life)
    use_network(tmp_path / "n.db", second_life)
    assert sorted(told[1]) == sorted(status for status in told[0] if status.message_id <= 10)


def test_more_are_lost_above_the_hourly_limit_also_after_a_restart(tmp_path: Path) -> None:
    """With every loss due to the limit: the first `hourly_limit` sends of an hour arrive, and none after."""
    settings = Settings(
        delivery_rate=1.0, delivery_rate_over_limit=1e-9, hourly_limit=100, unregistered_fraction=0.0
    )
    delivered: list[int] = []

    async def send(network: Network, sends: list[Outbound]) -> None:
        await network.restore(sends[0].sent_s)
        await network.accept(sends)
        delivered.extend(s.message_id for s in network.statuses(LATE, 1_000) if s.reason is None)

    use_network(tmp_path / "n.db", lambda network: send(network, SENDS[:50]), settings)
    use_network(tmp_path / "n.db", lambda network: send(network, SENDS[50:]), settings)
    assert sorted(delivered) == list(range(1, 101))
    hour_later = [one._replace(message_id=one.message_id + 1_000, sent_s=9_000.0) for one in SENDS[:10]]
    use_network(tmp_path / "n.db", lambda network: send(network, hour_later), settings)
    assert len(delivered) == 110
