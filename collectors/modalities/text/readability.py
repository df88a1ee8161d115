"""Readability by LIX: words per sentence, plus the percentage of words longer than six letters.

It needs no syllables and no dictionary, so it reads any language that has spaces. Below 30 is
easy, above 60 very hard.

Source: C. H. Björnsson, Läsbarhet (1968); J. Anderson, "Lix and Rix: Variations on a Little-Known
Readability Index", Journal of Reading 26 (1983).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.modalities.text.prose import Prose

_LONG = 6  # letters; a word with more is long
_END = re.compile(r"[.!?:\u2026\u0964](?=\s|$)|[\u3002\uff01\uff1f]")  # Björnsson counts colons


def readability_of(prose: Prose) -> float:
    """LIX, at least 1; NaN where there is no word. A text without a full stop is one sentence."""
    n = len(prose.words)
    if not n:
        return math.nan
    long = sum(len(word) > _LONG for word in prose.words)
    ends = len(_END.findall(prose.text))
    return n / max(1, ends) + 100 * long / n
