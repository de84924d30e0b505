import subprocess
import sys

import pytest

from server.dispatch.content import content_key, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where is my ORDER?!", ["where", "is", "my", "order"]),
        ("don't — I’d rather", ["dont", "id", "rather"]),
        ("e-mail, 10.50 USD", ["e", "mail", "10", "50", "usd"]),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", ["full", "width"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("cafe\u0301 CAFÉ", ["café", "café"]),
        ("कृपया बंद करें।", ["कृपया", "बंद", "करें"]),
        ("请问价格", ["请", "问", "价", "格"]),
        ("thanks👍🏽", ["thanks", "👍"]),
        ("❤️ it", ["❤", "it"]),
        ("soft\u00adhyphen zero\u200dwidth", ["softhyphen", "zerowidth"]),
        ("  \t\n …?! ", []),
    ],
)
def test_words_are_folded_and_freed_of_punctuation(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_equal_texts_have_equal_keys_in_every_process() -> None:
    code = "from server.dispatch.content import content_key; print(content_key('Hi Ana, 15 % off'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == content_key("Hi Ana, 15 % off")


def test_keys_fit_63_bits_and_tell_texts_apart() -> None:
    keys = {content_key(f"Hi customer {i}") for i in range(10_000)}
    assert len(keys) == 10_000
    assert min(keys) >= 0
    assert max(keys) < 2**63
    assert max(keys) > 2**62  # the whole range is used


def test_a_lone_surrogate_has_a_key() -> None:
    assert content_key("\ud800") != content_key("\ud801")
