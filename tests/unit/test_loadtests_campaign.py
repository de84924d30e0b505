from datetime import UTC, datetime, timedelta

from loadtests.campaign import Batch, progress_of

START = datetime(2026, 12, 1, 14, tzinfo=UTC)


def batch(
    retrying: int = 0, failures: dict[str, int] | None = None, hours: float = 2.0, **counts: int
) -> Batch:
    return Batch(counts, failures or {}, retrying, START, START + timedelta(hours=hours))


def test_a_campaign_under_way_has_no_duration_yet() -> None:
    seen = progress_of([batch(queued=5, sent=1, delivered=3, failures={"transient": 1})])
    assert seen == (5, 5, 3, None)
    assert progress_of([batch(sending=1, delivered=3)]).send_duration_s is None


def test_messages_that_wait_for_a_second_attempt_do_not_keep_it_open() -> None:
    seen = progress_of([batch(retrying=2, failures={"transient": 2}, queued=2, delivered=8)])
    assert seen == (2, 10, 8, 7200.0)


def test_several_batches_are_one_campaign() -> None:
    later = Batch({"delivered": 4}, {}, 0, START + timedelta(hours=1), START + timedelta(hours=5))
    assert progress_of([batch(delivered=6), later]) == (0, 10, 10, 18_000.0)
    assert progress_of([batch(delivered=6), Batch({"queued": 1}, {}, 0, None, None)]).send_duration_s is None


def test_nothing_sent_means_no_duration() -> None:
    assert progress_of([Batch({"queued": 0}, {}, 0, None, None)]) == (0, 0, 0, None)
