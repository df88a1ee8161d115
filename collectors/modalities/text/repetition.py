"""Repetition: the share of word 3-grams that were there before in the same text.

A model that loops says the same again; people hardly do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.modalities.text.prose import Prose

_WORDS = 3


def repetition_of(prose: Prose) -> float:
    """1 - distinct / all 3-grams of words, in [0, 1); 0 where there are fewer than three words."""
    words = prose.words
    total = len(words) - _WORDS + 1
    if total <= 0:
        return 0.0
    return 1 - len(set(zip(words, words[1:], words[2:], strict=False))) / total
