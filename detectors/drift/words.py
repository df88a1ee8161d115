"""What changed, in words: the bins that make up the effect."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.yardstick import NEEDS_NUMBERS
from governance.algebra.bins import CategoryBins, NumericBins

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from numpy.typing import NDArray

    from detectors.feature_reference import FeatureReference
    from governance.component.drift_tests import OwnTest

    Floats = NDArray[np.float64]

MISSING = "missing values"
_PAIRS = 3  # correlations that are told
_TOLD = 3  # bins
_WORTH_TELLING = 0.1  # of the effect


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


def moves(labels: Sequence[str], before: NDArray[np.int64], after: Floats, test: OwnTest) -> str:
    """Which bins make up the effect, in order, as ``17 rose from 0.0 % to 71 % (84 % of it)``.

    ``before`` and ``after`` are counts per bin; both have some rows. The bin that contributes most,
    and two more that contribute at least a tenth. A distance between distribution functions is no
    sum over bins: for it shares that moved are told, without their part.
    """
    old, new = before / before.sum(), after / after.sum()
    parts = contributions(before, after, test)
    order = [int(place) for place in np.argsort(-parts, kind="stable")[:_TOLD]]
    told = [place for place in order if place == order[0] or parts[place] >= _WORTH_TELLING]
    return ", ".join(
        f"{labels[place]} {change(float(old[place]), float(new[place]))}"
        + ("" if test in NEEDS_NUMBERS else f" ({percent(float(parts[place]))} of the effect)")
        for place in told
    )


def contributions(before: NDArray[np.int64], after: Floats, test: OwnTest) -> Floats:
    """The part of the effect that each bin makes up, shape (bins,), in [0, 1], of sum 1 or 0.

    PSI is a sum of (q - p) ln(q / p) over bins, the Jensen-Shannon divergence one of
    p ln(p / m) + q ln(q / m) with m = (p + q) / 2; both are at least 0 in every bin. For the
    distances of ordered values the part of all shares that moved.
    """
    if test == "psi":
        p = (before + 0.5) / (before.sum() + len(before) / 2)
        q = (after + 0.5) / (after.sum() + len(after) / 2)
        parts = (q - p) * np.log(q / p)
    else:
        p, q = before / before.sum(), after / after.sum()
        middle = np.where(p + q > 0, (p + q) / 2, 1.0)
        parts = np.abs(q - p)
        if test not in NEEDS_NUMBERS:
            parts = _nats(p, middle) + _nats(q, middle)
    total = parts.sum()
    return np.asarray(np.maximum(parts, 0.0) / total if total > 0 else np.zeros(len(parts)))


def _nats(p: Floats, middle: Floats) -> Floats:
    """P ln(p / middle) without what p itself adds: at least 0 where summed over both."""
    return np.asarray(p * np.log(np.where(p > 0, p, middle) / middle))


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
    inner = [_edge(edge) for edge in bins.edges[np.flatnonzero(np.diff(fold))].tolist()]
    if not inner:
        return ["finite values"]
    between = [low if low == high else f"{low} to {high}" for low, high in pairwise(inner)]
    single = len(inner) > 1 and inner[0] == inner[1]  # the second bin holds one value
    return [f"{'below' if single else 'up to'} {inner[0]}", *between, f"above {inner[-1]}"]


def _edge(edge: float) -> str:
    """An edge in four digits; the float next to 0, where 0 has a bin of its own, is told as 0."""
    return "0" if abs(edge) < sys.float_info.min else f"{edge:.4g}"
