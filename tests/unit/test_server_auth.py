import pytest

from scenarios.errors import InputError
from server.http.auth import Tokens, check_token, digest
from server.http.problems import Problem

TOKENS = Tokens({digest("a token that is long"): ["send", "read"], digest("another of that length"): ["tag"]})


def header(value: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), (b"authorization", value.encode())]


def test_a_known_token_has_its_own_scopes() -> None:
    assert TOKENS.demand(header("Bearer a token that is long"), "send") == {"send", "read"}
    assert TOKENS.demand(header("bearer another of that length"), "tag") == {"tag"}


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer ", "Basic a token that is long", ""])
def test_an_unknown_token_is_401(value: str) -> None:
    with pytest.raises(Problem) as caught:
        TOKENS.demand(header(value), "send")
    assert caught.value.status == 401


def test_no_header_is_401() -> None:
    with pytest.raises(Problem) as caught:
        TOKENS.demand([], "send")
    assert caught.value.status == 401


def test_a_missing_scope_is_403_and_named() -> None:
    with pytest.raises(Problem, match="'tag'") as caught:
        TOKENS.demand(header("Bearer a token that is long"), "tag")
    assert caught.value.status == 403


def test_a_token_that_could_be_guessed_is_refused_without_being_repeated() -> None:
    check_token("x" * 16)
    for unfit in ("sixteen letters\nand more", " sixteen letters and more", "sixteen letters\x00 and more"):
        with pytest.raises(InputError, match="printable"):
            check_token(unfit)
    with pytest.raises(InputError) as caught:
        check_token("my-secret-token")
    assert "my-secret-token" not in str(caught.value)


def test_what_was_issued_is_renewed_as_a_whole_and_this_runs_own_stays() -> None:
    tokens = Tokens({digest("the token of this run"): ["admin"]})
    first, second = digest("the first that was issued"), digest("the second that was issued")
    assert tokens.are_old(0.0)
    tokens.renew({first: ["read"]}, 10.0)
    assert not tokens.are_old(11.9)
    assert tokens.are_old(12.0)
    tokens.renew({second: ["read"]}, 12.0)
    tokens.renew({first: ["read"]}, 11.0)  # read earlier, come later
    assert tokens.demand(header("Bearer the second that was issued"), "read") == {"read"}
    assert tokens.demand(header("Bearer the token of this run"), "admin") == {"admin"}
    with pytest.raises(Problem):
        tokens.demand(header("Bearer the first that was issued"), "read")
    tokens.revoke(second, 13.0)
    with pytest.raises(Problem):
        tokens.demand(header("Bearer the second that was issued"), "read")


def test_a_look_that_began_before_a_token_was_taken_back_does_not_bring_it_back() -> None:
    tokens, key = Tokens({}), digest("a token that was issued")
    tokens.renew({key: ["read"]}, 10.0)
    tokens.revoke(key, 12.5)
    tokens.renew({key: ["read"]}, 12.4)
    with pytest.raises(Problem):
        tokens.demand(header("Bearer a token that was issued"), "read")
    assert tokens.are_old(12.6)  # the look told nothing
