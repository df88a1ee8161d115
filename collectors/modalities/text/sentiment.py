"""Sentiment by the lexicon of VADER: how good or bad the words of a text are.

The valences of words that the lexicon knows add up; one of the three words before that negates
turns a valence around. VADER's further rules (degree, capitals, "but", idioms) cost a hundred times
as much and hardly move a mean over a window. English only: other languages are near 0.

Cost: about 15 µs per kB; the lexicon takes 1 MB and is read at the first text. Source: C. J. Hutto
and E. Gilbert, "VADER", ICWSM 2014: the lexicon, -0.74, and s / sqrt(s^2 + 15).
"""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.modalities.text.prose import Prose

_REACH = 3  # words that a negation reaches
_NEGATED = -0.74
_ALPHA = 15.0
_NEGATIONS = (
    "no not never none nobody nothing neither nor nowhere without hardly rarely seldom cannot "
    "cant dont doesnt didnt isnt wasnt arent werent wont wouldnt shouldnt couldnt aint "
    "can't don't doesn't didn't isn't wasn't aren't weren't won't wouldn't shouldn't couldn't "
    "ain't hasn't haven't hadn't"
)
_NEGATING = frozenset(_NEGATIONS.split())


def sentiment_of(prose: Prose) -> float:
    """From -1 (bad) to 1 (good); 0 where no word tells. Needs ``lexicon``."""
    known, words = lexicon(), prose.words
    total = 0.0
    for i, word in enumerate(words):
        valence = known.get(word)
        if valence is not None:
            negated = not _NEGATING.isdisjoint(words[max(0, i - _REACH) : i])
            total += valence * _NEGATED if negated else valence
    return total / math.sqrt(total * total + _ALPHA)


@lru_cache(maxsize=1)
def lexicon() -> Mapping[str, float]:
    """Valence by word, from -4 to 4; empty where the extra ``text`` is not installed.

    The file is read, the package never imported: it would bring a client for HTTP along.
    """
    found = find_spec("vaderSentiment")
    if found is None or not found.submodule_search_locations:
        return {}
    path = Path(found.submodule_search_locations[0]) / "vader_lexicon.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    entries = (line.split("\t") for line in lines if line.count("\t") > 1)
    return {word: float(valence) for word, valence, *_ in entries if word[:1].isalpha()}
