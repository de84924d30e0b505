import pytest

from server.network import errors


def test_every_default_place_is_a_documented_one() -> None:
    for row in errors.CODES.values():
        assert row.where in (row.place, "both"), row


def test_profiles_differ_in_the_status_of_rate_limits() -> None:
    def statuses(code: int) -> list[int]:
        return [errors.http_status(code, errors.profile(name)) for name in ("modern", "legacy", "mixed")]

    assert statuses(130429) == [400, 429, 429]
    assert statuses(131056) == [400, 429, 400]
    assert statuses(190) == [401, 401, 401]
    assert statuses(131208) == [429, 429, 429]


def test_only_the_mixed_profile_says_when_to_come_back() -> None:
    assert errors.retry_after_s(130429, errors.profile("mixed")) == 1
    assert errors.retry_after_s(131056, errors.profile("mixed")) is None
    assert errors.retry_after_s(130429, errors.profile("legacy")) is None


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(ValueError, match="'ancient': must be one of modern, legacy, mixed"):
        errors.profile("ancient")


def test_a_code_can_be_moved() -> None:
    assert errors.places()[131047] == "webhook"
    assert errors.places({131047: "sync"})[131047] == "sync"


@pytest.mark.parametrize(
    ("moved", "says"),
    [
        ({7: "sync"}, "7 is no known"),
        ({4: "mail"}, "'mail' must be"),
        ({132001: "webhook"}, "132001 cannot be moved, only 368, 130429, 131026, "),
    ],
)
def test_a_bad_place_is_refused(moved: dict[int, errors.Place], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        errors.places(moved)


def test_the_body_of_a_refused_request() -> None:
    assert errors.sync_error(130429, "Atrace", details="Too many.", subcode=2494055) == {
        "error": {
            "message": "(#130429) Rate limit hit",
            "type": "OAuthException",
            "code": 130429,
            "error_subcode": 2494055,
            "error_data": {"messaging_product": "whatsapp", "details": "Too many."},
            "fbtrace_id": "Atrace",
        }
    }


def test_a_transient_error_says_so() -> None:
    assert errors.sync_error(4, "A")["error"]["is_transient"] is True


def test_the_error_of_a_failed_status() -> None:
    error = errors.webhook_error(131026)
    assert error["title"] == error["message"] == "Message undeliverable"
    assert error["error_data"] == {"details": "Message undeliverable"}
    assert error["href"].startswith("https://developers.facebook.com/")
