"""The additive cells of calibration: (group x score bin x label), and sums of scores.

Bins are coarse, ``SCORE_BINS`` of equal width over [0, 1], because every group must fill each of
them. What events are expected to be within a bin is not its centre but the mean of their scores,
so groups that lie at different ends of one bin are not taken for badly calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import Cells, kish_sizes, share
from detectors.fairness.group_rates import GroupRates
from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE, UNKNOWN, Arrival

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.axis import Axis
    from governance.event import Column

SCORE_BINS = 5
SCORE_SCALE = 2**20  # sums of w x score are int64 multiples of 1 / SCORE_SCALE


@dataclass(frozen=True, slots=True)
class ScoreBin:
    """One bin as a rate: how often labels are favourable, less the mean score."""

    number: int

    fragile = Arrival.INCOMPLETE
    needs_labels = True
    correlated_as = "accuracy"  # of all labelled events: bins alone would be too small to measure

    @property
    def name(self) -> str:
        """The scores that it holds."""
        low, high = self.number / SCORE_BINS, (self.number + 1) / SCORE_BINS
        return f"score {low:g} to {high:g}"

    @property
    def denominator(self) -> str:
        """What is counted in it, in words."""
        return f"labelled events of {self.name}"


@dataclass(frozen=True, eq=False)  # not slotted: all bins are read at once
class ScoreTable:
    """Labelled events that have a score.

    ``labels`` has shape (groups, SCORE_BINS, OUTCOMES); ``scores``, the sums of w x score, shape
    (groups, SCORE_BINS).
    """

    labels: Cells
    scores: NDArray[np.float64]

    @property
    def events(self) -> int:
        """How many events there are."""
        return int(self.labels.events.sum())

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """Effective size of all bins together, shape (groups,)."""
        whole = self._whole.total()
        return share(whole, whole)[1]

    def rates(self, rate: ScoreBin) -> GroupRates:
        """Of every group in one bin: favourable labels, and what the scores say of them."""
        return GroupRates(*(each[:, rate.number] for each in self._bins))

    @cached_property
    def _bins(self) -> tuple[NDArray[np.float64], ...]:
        """Successes, sizes, Kish's sizes and mean scores, shape (groups, SCORE_BINS) each."""
        whole = self._whole
        successes, sizes = share(self.labels[..., FAVOURABLE], whole)
        weight = np.where(whole.weight > 0, whole.weight, 1.0)
        return successes, sizes, kish_sizes(whole), self.scores / weight

    @cached_property
    def _whole(self) -> Cells:
        return self.labels[..., UNFAVOURABLE] + self.labels[..., FAVOURABLE]


def scored(score: Column | None, label: Axis) -> NDArray[np.bool_]:
    """Which events have both a score in [0, 1] and a known label, shape (n,)."""
    if score is None or score.dictionary is not None:
        return np.zeros(len(label.values), dtype=bool)
    inside: NDArray[np.bool_] = (score.values >= 0) & (score.values <= 1)
    if label.first == UNKNOWN:
        inside &= label.values > UNKNOWN
    return inside


def bin_of(scores: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The bin of each score in [0, 1], shape (n,)."""
    return np.minimum(scores * SCORE_BINS, SCORE_BINS - 1).astype(np.uint8)
