"""Text features that need no model: lengths of the text and of the answer, finish reason.

Cost: about 1 µs per kB of text. A missing text gives missing features.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Sequence


def text_columns(
    texts: Sequence[str | None],
    answers: Sequence[str | None],
    finish_reasons: Sequence[str | None],
) -> dict[str, Column]:
    """Columns of n texts with their answers; families that nothing is known of are left out."""
    columns: dict[str, Column] = {}
    if any(text is not None for text in texts):
        columns |= _lengths("", texts)
    if any(answer is not None for answer in answers):
        columns |= _lengths("response_", answers)
    if any(reason is not None for reason in finish_reasons):
        columns["finish_reason"] = Column.encode(list(finish_reasons))
    return columns


def _lengths(prefix: str, texts: Sequence[str | None]) -> dict[str, Column]:
    characters = [math.nan if text is None else len(text) for text in texts]
    words = [math.nan if text is None else len(text.split()) for text in texts]
    return {
        f"{prefix}characters": Column(np.array(characters, dtype=np.float64)),
        f"{prefix}words": Column(np.array(words, dtype=np.float64)),
    }
