"""Mean losses: what they have in common is that they are never negative."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detectors.performance.estimate import Estimate
from detectors.stats.weighted_mean import WeightedMean, weighted_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detectors.cells import Cells

    Floats = NDArray[np.float64]


def same(mean: float) -> float:
    """The mean itself."""
    return mean


def mean_loss(
    values: Floats, cells: Cells, express: Callable[[float], float] = same
) -> Estimate | None:
    """Mean of ``values`` by cell, all at least 0; None where there is no event.

    ``express`` is increasing. The lower limit, which a breach rests on, is that of the same events
    and one more without loss: as many equal losses as were seen do not prove that there are no
    smaller ones. Losses are skewed to the right, so the upper limit stands on a logarithmic scale.
    docs/statistics.md says what both keep.
    """
    found = _mean(values, cells)
    if found is None:
        return None
    typical = float(cells.weight.sum() / cells.events.sum())
    one = np.ones(1)
    careful = _mean(
        np.append(values, 0.0),
        type(cells)(
            np.append(cells.events.ravel(), one),
            np.append(cells.weight.ravel(), one * typical),
            np.append(cells.squared_weight.ravel(), one * typical**2),
        ),
    )

    def limits(error: float) -> tuple[float, float]:
        lower = careful.bounds(error)[0] if careful is not None else 0.0
        upper = _on_logs(found.value, found.bounds(error)[1])
        return (
            min(express(max(0.0, lower)), express(found.value)),
            express(upper) if math.isfinite(upper) else upper,
        )

    return Estimate(express(found.value), found.size, limits)


def _mean(values: Floats, cells: Cells) -> WeightedMean | None:
    return weighted_mean(values.ravel(), cells.weight.ravel(), cells.squared_weight.ravel())


def _on_logs(value: float, upper: float) -> float:
    """An upper limit as far above in logarithms as ``upper`` is in parts of the value."""
    return value * _exp((upper - value) / value) if value > 0 else upper


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf
