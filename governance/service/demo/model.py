"""The demo's model: logistic regression on census codes, fitted at start by Newton's method.

Each feature's code indexes a table of coefficients (age in five-year steps), so a prediction is a
sum of look-ups. Fitting takes about a second on one core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

AGE_STEP = 5
_RIDGE = 1.0  # keeps coefficients of rare codes finite
_ITERATIONS = 12


@dataclass(frozen=True, slots=True)
class CensusModel:
    """Coefficients per feature and code; ``tables[name]`` has shape (codes,)."""

    intercept: float
    tables: Mapping[str, NDArray[np.float64]]

    def probability(self, features: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float64]:
        """P(employed), shape (n,); codes outside the tables count as the nearest known one."""
        logit: NDArray[np.float64] | float = self.intercept
        for name, table in self.tables.items():
            codes = np.clip(_codes(name, features[name]), 0, len(table) - 1)
            logit = logit + table[codes]
        return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def fit(
    features: Mapping[str, NDArray[np.int64]],
    employed: NDArray[np.int64],
    names: Sequence[str],
) -> CensusModel:
    """Fit by iteratively reweighted least squares with a small ridge.

    Parameters
    ----------
    features
        Codes per feature, shape (n,) each, not negative.
    employed
        0 or 1, shape (n,).
    names
        The features to use, in order.
    """
    codes = [_codes(name, features[name]) for name in names]
    sizes = [int(column.max()) + 1 for column in codes]
    design = _one_hot(codes, sizes)
    coefficients = np.zeros(design.shape[1])
    penalty = np.full(design.shape[1], _RIDGE)
    penalty[0] = 0.0
    for _ in range(_ITERATIONS):
        probability = 1.0 / (1.0 + np.exp(-(design @ coefficients)))
        weight = probability * (1.0 - probability)
        gradient = design.T @ (employed - probability) - penalty * coefficients
        hessian = (design * weight[:, None]).T @ design + np.diag(penalty)
        hessian[0, 0] += 1e-9
        change = np.linalg.solve(hessian, gradient)
        coefficients += change
        if np.abs(change).max() < 1e-6:
            break
    tables = np.split(coefficients[1:], np.cumsum(sizes)[:-1])
    return CensusModel(float(coefficients[0]), dict(zip(names, tables, strict=True)))


def _codes(name: str, values: NDArray[np.int64]) -> NDArray[np.int64]:
    codes = np.asarray(values).astype(np.int64)
    return codes // AGE_STEP if name == "AGEP" else codes


def _one_hot(codes: list[NDArray[np.int64]], sizes: list[int]) -> NDArray[np.float64]:
    rows = len(codes[0])
    design = np.zeros((rows, 1 + sum(sizes)), dtype=np.float64)
    design[:, 0] = 1.0
    start = 1
    for column, size in zip(codes, sizes, strict=True):
        design[np.arange(rows), start + column] = 1.0
        start += size
    return design
