"""What an effect size says, and the interval that PSI and Jensen-Shannon share.

STATISTICS 1.3. All arrays have the shape of the windows and features that were measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Z = 1.96  # two-sided 95 %


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect size: as other tools print it, without its bias, and its 95 % interval."""

    raw: NDArray[np.float64]
    value: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def chi_square_effect(raw: NDArray[np.float64], m: NDArray[np.float64], df: NDArray[Any]) -> Effect:
    """The effect whose ``m * raw`` is about noncentral chi-square with ``df`` degrees of freedom.

    The root of such a variable, less its bias, is about normal with variance 1, which inverts in
    closed form.
    """
    bias = (df - 1) / 2
    root = np.sqrt(np.maximum(0.0, m * raw - bias))
    lower = np.maximum(0.0, np.maximum(0.0, root - Z) ** 2 - bias) / m
    upper = np.maximum(0.0, (root + Z) ** 2 - bias) / m
    return Effect(raw, np.maximum(0.0, raw - df / m), lower, upper)
