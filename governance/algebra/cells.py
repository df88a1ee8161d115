"""Single values on their way into bins: text as numbers, numbers as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.algebra.canonical import canonical_text

if TYPE_CHECKING:
    from numpy.typing import NDArray


def number_of_text(text: str) -> float:
    """A cell as a number: empty is NaN (missing), what is no finite number is infinite."""
    if not text:
        return math.nan
    number = float(text) if is_number(text) else math.inf
    return math.inf if math.isnan(number) else number


def is_number(text: str) -> bool:
    """Whether a cell parses as a decimal number, ``nan`` and ``inf`` included."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def float_dictionary(values: NDArray[np.float64]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Floats as codes into their canonical texts, code -1 where NaN."""
    missing = np.isnan(values)
    distinct, codes = np.unique(np.where(missing, 0.0, values), return_inverse=True)
    return np.where(missing, -1, codes), tuple(map(canonical_text, distinct))
