"""Measures windows of all features against their reference at once.

Counts of F features lie side by side: for each its fine bins, then its tail (missing,
non-finite). A look at 25 features over a full ladder is a few dozen array passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.jensen_shannon import jensen_shannon
from detectors.drift.kolmogorov_smirnov import kolmogorov_smirnov
from detectors.drift.over_pieces import over_pieces
from detectors.drift.psi import psi
from detectors.drift.wasserstein import Past, wasserstein
from detectors.drift.yardstick import NEEDS_NUMBERS
from detectors.ladder import Readings, usable_windows
from detectors.stats.effect import Effect
from detectors.stats.evidence import log_evidence, make_null
from detectors.stats.overdispersion import effective_size, make_deflation
from detectors.stats.ragged import Ragged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.drift.layout import Inside
    from detectors.drift.over_pieces import OverPieces
    from detectors.drift.yardstick import Yardstick
    from governance.component.drift_tests import OwnTest

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Group:
    """Features that are measured by one statistic, over bins or, if they have any, over pieces."""

    test: OwnTest
    features: NDArray[np.intp]
    places: NDArray[np.intp]
    bins: Ragged
    reference: Floats  # p of coarse bins, or fine counts
    width: Floats  # of fine bins; 0 for the last of a feature
    cut: OverPieces | None = None


class Measure:
    """Constants of the reference of F features; immutable.

    Parameters
    ----------
    yardsticks
        One per feature, at least one.
    """

    def __init__(self, yardsticks: Sequence[Yardstick]) -> None:
        self.bins = Ragged(tuple(len(y.fine) + len(y.tail) for y in yardsticks))
        self.coarse_bins = Ragged(tuple(len(y.coarse) for y in yardsticks))
        self.coarse_reference = np.concatenate([y.coarse for y in yardsticks])
        self.rows = np.array([y.rows for y in yardsticks], dtype=np.float64)
        self.thresholds = np.array([y.threshold for y in yardsticks])
        self.lengths = np.array([y.lengths for y in yardsticks], dtype=np.float64)
        self._folds = np.concatenate(
            [
                start + np.concatenate([_starts(y.fold), len(y.fine) + np.arange(len(y.tail))])
                for start, y in zip(self.bins.starts, yardsticks, strict=True)
            ]
        )
        self._null = make_null(
            self.coarse_reference,
            self.coarse_bins,
            tuple(int(y.fold[-1]) + 1 if y.ordered else 0 for y in yardsticks),
        )
        present = self.coarse_bins.sum((self.coarse_reference > 0).astype(np.intp))
        self._freedom = np.maximum(1, present - 1).astype(np.float64)
        self.finite_rows = np.array([y.fine.sum() for y in yardsticks], dtype=np.float64)
        self._null_constant = np.array([y.null_constant for y in yardsticks])
        self._in_order = np.array([bool(y.ladder) for y in yardsticks])
        self._deflation = make_deflation([y.ladder for y in yardsticks], self.rows)
        kinds = sorted({_kind(y) for y in yardsticks})
        self._groups = tuple(self._group(kind, yardsticks) for kind in kinds)

    def readings(self, counts: Floats, n: Floats, inside: Inside | None = None) -> Readings:
        """Measure K trailing windows of the lengths 1, 2, 4 ..., shortest first.

        Parameters
        ----------
        counts
            Shape (K, bins), scaled so that each feature's counts add up to ``n``.
        n
            Sizes of the windows, shape (K,); 0 = no event.
        inside
            Where rows lie in the pieces of their bins; without it, distances between distribution
            functions are read from the bins alone.
        """
        size = np.where(n > 0, n, 1.0)
        rho = self._deflation.of(size)
        m = effective_size(rho, size[:, None], self.rows)
        coarse = self.coarse(counts)
        log_e = log_evidence(coarse * self.coarse_bins.spread(m / size[:, None]), m, self._null)
        usable = self.usable(n)
        figures = np.zeros((4, *m.shape))
        for group in self._groups:
            at = group.features
            if group.test in NEEDS_NUMBERS:
                finite = group.bins.sum(counts[:, group.places])
                usable[:, at] &= (finite > 0) & (self.finite_rows[at] > 0)
                m[:, at] = effective_size(
                    rho[:, at],
                    np.where(finite > 0, finite, 1.0),
                    np.maximum(self.finite_rows[at], 1),
                )
            if group.cut is not None and inside is not None:
                effect = group.cut.effect(inside, m[:, at])
            elif group.test in NEEDS_NUMBERS:
                window = counts[:, group.places]
                window = np.where(group.bins.spread(finite > 0), window, group.reference)
                effect = self._effect(group, window, m[:, at])
            else:
                effect = self._effect(group, coarse[:, group.places], m[:, at])
            figures[:, :, at] = effect.raw, effect.value, effect.lower, effect.upper
        return Readings(n, rho, m, log_e, Effect(*figures), usable)

    def usable(self, n: Floats) -> NDArray[np.bool_]:
        """Which windows each feature's ladder can read, shape (K, F)."""
        return usable_windows(n, self.rows, self.lengths, self._in_order)

    def coarse(self, counts: Floats) -> Floats:
        """Counts folded to coarse bins, shape (K, coarse bins)."""
        folded: Floats = np.add.reduceat(counts, self._folds, axis=-1)
        return folded

    def _effect(self, group: _Group, window: Floats, m: Floats) -> Effect:
        freedom = self._freedom[group.features]
        match group.test:
            case "psi":
                return psi(window, group.reference, m, freedom, group.bins)
            case "jensenshannon":
                return jensen_shannon(window, group.reference, m, freedom, group.bins)
            case "wasserstein":
                past = Past(group.reference, group.width, self._null_constant[group.features])
                return wasserstein(window, past, m, group.bins)
            case "ks":
                return kolmogorov_smirnov(window, group.reference, m, group.bins)

    def _group(self, kind: tuple[OwnTest, bool], yardsticks: Sequence[Yardstick]) -> _Group:
        test, chosen = kind[0], [f for f, y in enumerate(yardsticks) if _kind(y) == kind]
        features = np.array(chosen)
        if test not in NEEDS_NUMBERS:
            places = self.coarse_bins.places(chosen)
            bins = Ragged(tuple(self.coarse_bins.sizes[f] for f in chosen))
            return _Group(test, features, places, bins, self._null.p[places], np.empty(0))
        bins = Ragged(tuple(len(yardsticks[f].fine) for f in chosen))
        starts = [int(self.bins.starts[f]) for f in chosen]
        places = np.concatenate(
            [start + np.arange(size) for start, size in zip(starts, bins.sizes, strict=True)]
        )
        fine = np.concatenate([_not_empty(yardsticks[f].fine) for f in chosen])
        width = np.concatenate([np.append(yardsticks[f].width_over_sd, 0.0) for f in chosen])
        cut = over_pieces(test, yardsticks, chosen)
        return _Group(test, features, places, bins, fine.astype(np.float64), width, cut)


def _kind(yardstick: Yardstick) -> tuple[OwnTest, bool]:
    return yardstick.test, yardstick.pieces is not None


def _starts(fold: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.flatnonzero(np.diff(fold, prepend=-1))


def _not_empty(fine: NDArray[np.int64]) -> NDArray[np.int64]:
    return fine if fine.sum() else np.ones_like(fine)  # never usable; divides without a warning
