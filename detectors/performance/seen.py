"""What events and labelled events add up to for the performance family, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import Cells, count, read, sampling_weight
from detectors.error_buckets import ERROR_BUCKETS, UNKNOWN, error_buckets
from detectors.outcome_table import OUTCOMES, OutcomeTable, outcome_codes
from detectors.score_bins import SCORE_BINS, score_bins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from governance.algebra.sums import Sums
    from governance.event import EventBatch

PREFIX = "performance."
_PREDICTIONS, _OUTCOMES = "performance.predictions", "performance.outcomes"
_SCORED = "performance.scored"
_PREDICTED, _ERRORS = "performance.predicted", "performance.errors"
_BINS = SCORE_BINS + 1  # the last one holds what has no usable score

SHAPES: Mapping[str, tuple[int, ...]] = {
    _PREDICTIONS: (1, OUTCOMES),
    _OUTCOMES: (1, OUTCOMES, OUTCOMES),
    _SCORED: (_BINS, OUTCOMES),
    _PREDICTED: (2,),
    _ERRORS: (ERROR_BUCKETS,),
}
"""Shape of each array."""
_OF_EVENTS = frozenset({_PREDICTIONS, _PREDICTED})


@dataclass(frozen=True, eq=False)  # not slotted: what all measures say is read once
class Seen:
    """All that measures read of one window.

    ``table`` is of one group: all events. ``scored`` has shape (SCORE_BINS + 1, OUTCOMES): score
    by label. ``predicted``, shape (2,), counts events without and with a numeric prediction;
    ``errors``, shape (ERROR_BUCKETS,), labelled ones.
    """

    table: OutcomeTable
    scored: Cells
    predicted: Cells
    errors: Cells

    @cached_property
    def labels(self) -> tuple[int, int, float | None]:
        """Labelled and unlabelled events, and the labelled part by weight."""
        return self.table.labels(np.ones(1, dtype=np.bool_))

    @cached_property
    def usable_scores(self) -> Cells:
        """Labelled events with a score in [0, 1], shape (SCORE_BINS, 2): label 0, label 1."""
        return self.scored[:SCORE_BINS, 1:]

    @cached_property
    def known_errors(self) -> Cells:
        """Labelled events with an error, shape (ERROR_BUCKETS - 1,), from bucket 1 on."""
        return self.errors[UNKNOWN + 1 :]


def count_predictions(batch: EventBatch) -> Sums:
    """Events by predicted outcome."""
    keys = outcome_codes(batch.columns.get("favourable"), batch.n)
    return count(_PREDICTIONS, keys, SHAPES[_PREDICTIONS], sampling_weight(batch))


def count_outcomes(batch: EventBatch) -> Sums:
    """Labelled events by predicted outcome and label."""
    keys = outcome_codes(batch.columns.get("favourable"), batch.n) * np.uint8(OUTCOMES)
    keys += outcome_codes(batch.columns.get("label"), batch.n)
    return count(_OUTCOMES, keys, SHAPES[_OUTCOMES], sampling_weight(batch))


def count_scored(batch: EventBatch) -> Sums:
    """Labelled events by score and label."""
    keys = score_bins(batch.columns.get("score"), batch.n).astype(np.int32) * OUTCOMES
    keys += outcome_codes(batch.columns.get("label"), batch.n)
    return count(_SCORED, keys, SHAPES[_SCORED], sampling_weight(batch))


def count_predicted(batch: EventBatch) -> Sums:
    """Events without and with a prediction that is a finite number."""
    known = np.isfinite(numbers_of(batch, "prediction"))
    return count(_PREDICTED, known.astype(np.int8), SHAPES[_PREDICTED], sampling_weight(batch))


def count_errors(batch: EventBatch) -> Sums:
    """Labelled events by error."""
    keys = error_buckets(numbers_of(batch, "error"))
    return count(_ERRORS, keys, SHAPES[_ERRORS], sampling_weight(batch))


def read_seen(sums: Sums, outcomes: Sums) -> Seen:
    """What a window, or a reference, holds; raises ShapeError for arrays of another shape."""
    of = {name: _cells(sums if name in _OF_EVENTS else outcomes, name) for name in SHAPES}
    table = OutcomeTable(of[_PREDICTIONS], of[_OUTCOMES])
    return Seen(table, of[_SCORED], of[_PREDICTED], of[_ERRORS])


def nothing_seen() -> Seen:
    """A window that holds nothing."""
    return read_seen({}, {})


def numbers_of(batch: EventBatch, name: str) -> NDArray[np.float64]:
    """A column of numbers, shape (n,); NaN where it is absent or holds categories."""
    column = batch.columns.get(name)
    if column is None or column.dictionary is not None:
        return np.full(batch.n, np.nan)
    return column.values.astype(np.float64)


def _cells(sums: Sums, name: str) -> Cells:
    return read(sums, name, SHAPES[name]) if name in sums else _NOTHING[name]


def _nothing(shape: tuple[int, ...]) -> Cells:
    return Cells(np.zeros(shape), np.zeros(shape), np.zeros(shape))


_NOTHING = {name: _nothing(shape) for name, shape in SHAPES.items()}
