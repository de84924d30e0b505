"""Words that are written nearly alike."""

from collections.abc import Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA


def similar(word: str, candidates: Sequence[str], least: float) -> list[str]:
    """Those whose similarity, 1 - edits / length of the longer one, is at least `least`; the best first.

    An edit is a letter wrong, missing, added, or swapped with its neighbour.
    """
    found = process.extract(
        word, candidates, scorer=OSA.normalized_similarity, score_cutoff=least, limit=None
    )
    return [choice for choice, _, _ in found]
