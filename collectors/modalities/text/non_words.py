"""The share of tokens that are words in no language: codes, numbers, links, keys, noise.

A vocabulary would have to leave the place where a reference is made, and would show what people
write about; the shape of a token needs none.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.modalities.text.prose import Prose

_LONGEST_WORD = 40  # letters; without hyphens hardly a word has more
# Letters, joined by hyphens, apostrophes, slashes or dots, between any punctuation.
_WORD = re.compile(r"[^\w]*[^\W\d_]+(?:[-'\u2019/.&][^\W\d_]+)*[^\w]*")
# Latin letters of which four or more in a row are all consonants.
_UNSPOKEN = re.compile(r"[b-df-hj-np-tv-xz]{4,}", re.IGNORECASE)
# Scripts without spaces, and those whose vowels are marks, which are no letters.
_OTHERWISE = re.compile(r"[\u0900-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def non_words_of(prose: Prose) -> float:
    """Share of tokens that are no words, in [0, 1]; NaN where there is no token."""
    if not prose.tokens:
        return math.nan
    return sum(not _is_word(token) for token in prose.tokens) / len(prose.tokens)


def _is_word(token: str) -> bool:
    if token.isascii() and token.isalpha():  # most are
        return len(token) <= _LONGEST_WORD and _UNSPOKEN.fullmatch(token) is None
    if _OTHERWISE.search(token):
        return True
    return (
        _WORD.fullmatch(token) is not None
        and len(token) <= _LONGEST_WORD
        and _UNSPOKEN.fullmatch(token.strip("\"'.,;:!?()[]")) is None
    )
