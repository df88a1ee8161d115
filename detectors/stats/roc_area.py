"""The area under the ROC curve from two histograms of scores, with its effective size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RocArea:
    """The area in [0, 1], and the size of a share with the same value and variance."""

    value: float
    size: float


def roc_area(weight: Floats, squared_weight: Floats) -> RocArea | None:
    """Probability that a favourable event scores above another; None if one kind is missing.

    Parameters
    ----------
    weight, squared_weight
        Sums of w and w^2, shape (bins, 2): events that are not favourable, and favourable ones.
        Bins in order of the score; scores in one bin are ties and count one half.

    Notes
    -----
    Variance by structural components (DeLong, DeLong & Clarke-Pearson 1988, eq. 5; ties as in its
    kernel psi): V10 of a favourable event is the part of the others below it, V01 of another the
    part of favourable ones above it; var = S10 / m + S01 / n, with each S / size as the linearised
    variance of a weighted mean. As a share: size = A (1 - A) / var. It is never below the smaller
    of the two sizes, since var <= A (1 - A) / min(m, n) (Birnbaum & Klose 1957), which also serves
    where no two events are out of order and the estimate of var is 0; and never above m + n.
    """
    others, favourable = weight[:, 0], weight[:, 1]
    total = weight.sum(axis=0)
    if (total <= 0).any():
        return None
    below = (np.cumsum(others) - others / 2) / total[0]
    above = (np.cumsum(favourable[::-1])[::-1] - favourable / 2) / total[1]
    area = float(favourable @ below / total[1])
    sizes = np.maximum(total**2 / squared_weight.sum(axis=0), 1.0)
    components = zip((above, below), squared_weight.T, total, sizes, strict=True)
    variance = sum(
        float(w2 @ (part - area) ** 2 / whole**2 * n / max(n - 1, 1e-9))
        for part, w2, whole, n in components
    )
    least, most = float(sizes.min()), float(sizes.sum())
    size = area * (1 - area) / variance if variance > 0 else least
    return RocArea(area, min(max(size, least), most))
