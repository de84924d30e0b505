"""What a text says: its words, in any script, and a key that tells equal texts from different ones."""

import unicodedata

import xxhash

# Scripts written without spaces: every character counts as a word, so a keyword is found as a phrase.
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x20000, 0x323AF),  # Han, later extensions
)
DROPPED = frozenset("'’ʼ`\ufe0e\ufe0f")  # apostrophes (don't is one word) and emoji style marks


class _Letters(dict[int, str]):
    """Translation of characters to what stays of them, worked out when a character is first met."""

    def __missing__(self, code: int) -> str:
        kept = self[code] = _kept(chr(code), code)
        return kept


def _kept(character: str, code: int) -> str:
    category = unicodedata.category(character)
    if character in DROPPED or category in ("Cf", "Sk"):  # joiners, soft hyphens, skin tones
        return ""
    if category == "So" or any(low <= code <= high for low, high in UNSPACED):  # emoji are words too
        return f" {character} "
    return character if category[0] in "LMN" else " "


_LETTERS = _Letters()


def words_of(text: str) -> list[str]:
    """The words of a text: case folded, compatibility forms (NFKC) united, punctuation and spacing gone.

    Letters, marks and digits make words in every script; each emoji and each character of a script without
    spaces is a word of its own.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return text.casefold().translate(_LETTERS).split()


def content_key(text: str) -> int:
    """A number in [0, 2**63) that depends on the text alone: equal in every process, on every machine."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) >> 1
