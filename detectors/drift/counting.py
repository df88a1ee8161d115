"""Counts features into the bins of a reference, and adds panes up to windows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.cells import sampling_weight
from detectors.ladder import trailing_sums
from detectors.reference import rounds
from detectors.stats.ragged import Ragged
from governance.algebra.bins import total_weight
from governance.algebra.sums import (
    SQUARED_WEIGHT_SCALE,
    WEIGHT_SCALE,
    squared_weighted_counts,
)
from governance.errors import ShapeError
from governance.privacy import significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.base import Pane
    from detectors.drift.subjects import Subject
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import Column, EventBatch


@dataclass(frozen=True, slots=True)
class Windows:
    """K trailing windows, shortest first; a ladder that still fills has fewer.

    ``counts`` are scaled so that each subject's add up to ``n``, the effective number of events
    before overdispersion: (sum of weights)^2 / (sum of squared weights).
    """

    counts: NDArray[np.float64]  # (K, bins)
    n: NDArray[np.float64]  # (K,)
    empty: bool  # the newest pane holds no event


class Counting:
    """What is remembered of a batch; immutable.

    All counts are one array, each subject's bins one after another (scale ``WEIGHT_SCALE``),
    beside the sums of weights and of squared weights. The arrays' names hold a hash of the
    reference and the subjects, so that a pane of another layout is never misread.
    """

    def __init__(
        self, component: Component, reference: Reference, subjects: Sequence[Subject]
    ) -> None:
        self._subjects = tuple(subjects)
        self._bins = Ragged(tuple(subject.bins.size for subject in subjects))
        self._rounds = rounds(component)
        layout = "\x1f".join([reference.id, *(subject.column for subject in subjects)])
        self.array = f"drift.{hashlib.sha256(layout.encode()).hexdigest()[:16]}"
        self.weights = f"{self.array}.weights"

    def add(self, batch: EventBatch) -> Sums:
        """The arrays of one batch; a column that the batch does not have is missing throughout.

        Raises
        ------
        ShapeError
            If a column holds a code that its dictionary has no text for.
        """
        weight = sampling_weight(batch)
        total = total_weight(batch.n, weight)
        counts = np.zeros(len(self._bins.owner), dtype=np.int64)
        for place, subject in enumerate(self._subjects):
            column = batch.columns.get(subject.column)
            here = counts[self._bins.slice(place)]
            if column is None:
                here[-subject.bins.tail] = total  # the first bin of the tail is missing
            else:
                here[:] = self._count(subject, column, weight)
        squared = squared_weighted_counts(np.zeros(batch.n, dtype=np.intp), 1, weight)
        return {self.array: counts, self.weights: np.array([total, squared[0]])}

    def windows(self, panes: Sequence[Pane], lengths: Sequence[int]) -> Windows:
        """The windows of the last ``lengths`` of a view's panes, which are oldest first."""
        counted = [pane.sums.get(self.array) for pane in panes]
        weighed = [pane.sums.get(self.weights) for pane in panes]
        sums = trailing_sums(counted, lengths, len(self._bins.owner))
        weights = trailing_sums(weighed, lengths, 2)
        total, squared = weights[:, 0] / WEIGHT_SCALE, weights[:, 1] / SQUARED_WEIGHT_SCALE
        n = total**2 / np.where(squared > 0, squared, 1.0)
        scale = n / np.where(total > 0, total, 1.0) / WEIGHT_SCALE
        newest = weighed[-1]
        return Windows(sums * scale[:, None], n, newest is None or newest[0] <= 0)

    def _count(
        self, subject: Subject, column: Column, weight: NDArray[np.float64] | None
    ) -> NDArray[np.int64]:
        try:
            return subject.bins.count(self._values(column), column.dictionary, weight)
        except ValueError as error:
            raise ShapeError(f"column {subject.column!r}: {error}") from None

    def _values(self, column: Column) -> NDArray[Any]:
        if self._rounds and column.dictionary is None:
            return significant(column.values)  # as privacy does; replayed rows come as they are
        return column.values
