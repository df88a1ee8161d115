"""What changed, in words: the bin whose share moved most."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from governance.algebra.bins import CategoryBins, NumericBins

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from numpy.typing import NDArray

    from detectors.feature_reference import FeatureReference

    Floats = NDArray[np.float64]

MISSING = "missing values"
_PAIRS = 3  # correlations that are told


def bin_labels(
    feature: FeatureReference, may_show: Container[str] | None = None
) -> tuple[str, ...]:
    """What each coarse bin is called, in the order of coarse counts.

    A category that is not in ``may_show`` (None = all are) is called by its rank in the reference,
    where those who may read the profile find it.
    """
    if isinstance(feature.bins, NumericBins):
        return (*_ranges(feature.bins, feature.fold), MISSING, "non-finite values")
    return (*_names(feature.bins, may_show), "rare categories", "unseen categories", MISSING)


def largest_move(
    labels: Sequence[str], before: NDArray[np.int64], after: NDArray[np.float64]
) -> str:
    """Which bin's share moved most between reference and window, as ``17 rose from 5 % to 71 %``.

    ``before`` and ``after`` are counts per bin; both have some rows.
    """
    old, new = before / before.sum(), after / after.sum()
    most = int(np.argmax(np.abs(new - old)))
    return f"{labels[most]} {change(float(old[most]), float(new[most]))}"


def correlation_moves(names: Sequence[str], before: Floats, change: Floats) -> str:
    """Which correlations moved most, as ``correlation of age and income fell from 0.62 to 0.03``.

    ``before`` and ``change`` have shape (d, d). The largest move, and two more where they are at
    least half as large.
    """
    left, right = np.triu_indices(len(names), 1)
    size = np.abs(change[left, right])
    order = np.argsort(-size, kind="stable")[:_PAIRS]
    told = []
    for pair in order[size[order] >= size.max() / 2].tolist():
        one, other = int(left[pair]), int(right[pair])
        old = float(before[one, other])
        new = min(1.0, max(-1.0, old + float(change[one, other])))
        verb = "rose" if new >= old else "fell"
        told.append(f"of {names[one]} and {names[other]} {verb} from {old:.2f} to {new:.2f}")
    return "correlation " + ", ".join(told)


def change(old: float, new: float) -> str:
    """Two shares, as ``rose from 0.0 % to 71 %``."""
    verb = "rose" if new >= old else "fell"
    return f"{verb} from {percent(old)} to {percent(new)}"


def percent(share: float) -> str:
    """A share in [0, 1] with no more digits than matter."""
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def _names(bins: CategoryBins, may_show: Container[str] | None) -> list[str]:
    return [
        name
        if may_show is None or name in may_show
        else f"category {rank} of {len(bins.kept)} by reference share"
        for rank, name in enumerate(bins.kept, start=1)
    ]


def _ranges(bins: NumericBins, fold: NDArray[np.intp]) -> list[str]:
    if len(bins.edges) == 0:
        return ["finite values"]
    inner = [f"{edge:.4g}" for edge in bins.edges[np.flatnonzero(np.diff(fold))]]
    if not inner:
        return ["finite values"]
    between = [low if low == high else f"{low} to {high}" for low, high in pairwise(inner)]
    return [f"up to {inner[0]}", *between, f"above {inner[-1]}"]
