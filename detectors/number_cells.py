"""What a pending entry remembers of an event whose prediction is a number, and what it becomes.

The cell holds the bits of the prediction as a float of four bytes, so errors are known to 1e-7 of
the prediction. A label travels through the join as the bits of its own four bytes; when the two
meet, the event's outcome is the bucket of their difference (``detectors.error_buckets``): two
bytes, which is what a correction takes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.error_buckets import UNKNOWN, VALUES, error_buckets
from detectors.label_order import NO_LABEL
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from numpy.typing import NDArray


def prediction_cells(prediction: Column | None, n: int) -> NDArray[np.uint32]:
    """One cell per event, shape (n,); what is no number is NaN."""
    if prediction is None or prediction.dictionary is not None:
        return np.full(n, np.nan, dtype=np.float32).view(np.uint32)
    return _short(prediction.values).view(np.uint32)


def number_labels(numbers: NDArray[np.float64]) -> NDArray[np.int32]:
    """Labels as the join carries them, shape (n,); ``NO_LABEL`` where there is no finite number."""
    short = _short(numbers)
    return np.where(np.isfinite(short), short.view(np.int32), np.int32(NO_LABEL))


def outcomes_of_numbers(cells: NDArray[np.uint32], labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The outcome of each event that met its label, shape (n,): a bucket of errors."""
    with np.errstate(invalid="ignore"):
        error = cells.view(np.float32).astype(np.float64) - labels.view(np.float32)
    return error_buckets(error).astype(np.int32)


def error_batch(
    version: str, outcomes: NDArray[np.int32], weights: NDArray[np.float64]
) -> EventBatch:
    """Labelled events as detectors read them: column ``error``, NaN where it is not known."""
    error = np.where(outcomes == UNKNOWN, np.nan, VALUES[outcomes])
    return EventBatch(version, len(error), {"error": Column(error), "weight": Column(weights)})


def _short(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """In four bytes; what does not fit is infinite."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)
