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
    variance of a weighted mean to which half an event at either end was added, as in
    ``effective_counts``: a few events say little of their spread. As a share: size = A (1 - A) /
    var, no less than the smaller of the two sizes, since var <= A (1 - A) / min(m, n) (Birnbaum &
    Klose 1957), and no more than their sum.
    """
    others, favourable = weight[:, 0], weight[:, 1]
    total = weight.sum(axis=0)
    if (total <= 0).any():
        return None
    below = (np.cumsum(others) - others / 2) / total[0]
    above = (np.cumsum(favourable[::-1])[::-1] - favourable / 2) / total[1]
    area = min(1.0, float(favourable @ below / total[1]))
    sizes = np.maximum(total**2 / squared_weight.sum(axis=0), 1.0)
    least, most = float(sizes.min()), float(sizes.sum())
    components = zip((above, below), squared_weight.T, total, sizes, strict=True)
    unseen = (area**2 + (1 - area) ** 2) / 2
    variance = sum(
        float(w2 @ (part - area) ** 2 / whole**2 + unseen / n**2)
        for part, w2, whole, n in components
    )
    return RocArea(area, min(max(area * (1 - area) / variance, least), most))
