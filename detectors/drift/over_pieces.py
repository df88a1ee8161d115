"""Distances between distribution functions over pieces, for the features that one test measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.gap import gap_between, line_of
from detectors.drift.kolmogorov_smirnov import fine_kolmogorov_smirnov
from detectors.drift.wasserstein import exact_wasserstein

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.drift.gap import Line
    from detectors.drift.layout import Inside
    from detectors.drift.yardstick import Yardstick
    from detectors.stats.effect import Effect
    from governance.component.drift_tests import OwnTest

_EFFECTS = {"wasserstein": exact_wasserstein, "ks": fine_kolmogorov_smirnov}


@dataclass(frozen=True, slots=True)
class OverPieces:
    """Features that are measured by one test over pieces, and which rows of ``Inside`` are theirs.

    Rows of ``Inside`` are as long as the longest feature; so are those of ``line``.
    """

    test: OwnTest
    members: NDArray[np.intp]
    line: Line

    def effect(self, inside: Inside, m: NDArray[np.float64]) -> Effect:
        """The effect of K windows, shape (K, F); ``m`` are effective sizes from finite rows."""
        rows, moved = inside.rows, inside.moved
        if len(self.members) < rows.shape[1]:
            longest = self.line.share.shape[-1]
            rows, moved = rows[:, self.members, :longest], moved[:, self.members, :longest]
        return _EFFECTS[self.test](gap_between(rows, moved, self.line), m)


def over_pieces(
    test: OwnTest, yardsticks: Sequence[Yardstick], chosen: Sequence[int]
) -> OverPieces | None:
    """The ``chosen`` ones of the features over their pieces; None where one has none."""
    pieces = [y.pieces for y in (yardsticks[f] for f in chosen) if y.pieces is not None]
    if test not in _EFFECTS or len(pieces) < len(chosen):
        return None
    known = [f for f, y in enumerate(yardsticks) if y.pieces is not None]
    members = np.array([known.index(f) for f in chosen])
    return OverPieces(
        test, members, line_of(pieces, [yardsticks[f].exact_constant for f in chosen])
    )
