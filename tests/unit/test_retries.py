import pytest

from server.dispatch.retries import ACCOUNT_LIMIT, INVALID_NUMBER, REASONS, TRANSIENT, UNREGISTERED, retry_at

DAY_S = 86_400.0


@pytest.mark.parametrize("reason", [TRANSIENT, UNREGISTERED, ACCOUNT_LIMIT])
def test_a_failed_number_is_tried_again_after_a_day(reason: str) -> None:
    assert retry_at(reason, 100.0, 1, retry_after_s=DAY_S, retries=1) == 100.0 + DAY_S


def test_the_tries_are_counted() -> None:
    due = [retry_at(TRANSIENT, 0.0, attempt, retry_after_s=DAY_S, retries=2) for attempt in (1, 2, 3)]
    assert due == [DAY_S, DAY_S, None]
    assert retry_at(TRANSIENT, 0.0, 1, retry_after_s=DAY_S, retries=0) is None


def test_a_malformed_number_is_never_tried_again() -> None:
    assert retry_at(INVALID_NUMBER, 0.0, 1, retry_after_s=DAY_S, retries=5) is None


def test_an_unknown_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown failure reason 'transiet'; must be one of account_banned"):
        retry_at("transiet", 0.0, 1, retry_after_s=DAY_S, retries=1)
    assert len(REASONS) == 5
