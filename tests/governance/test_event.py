from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from governance.errors import ShapeError
from governance.event import BatchSum, Column, EventBatch

BATCH = EventBatch(
    "1",
    3,
    {"score": Column(np.arange(3.0))},
    {"text.fourier.a": BatchSum(np.zeros(2, dtype=np.int64), 20)},
    {"text": np.arange(6.0).reshape(3, 2)},
)


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True]), slice(1, 3)])
def test_vectors_follow_a_selection(rows: Any) -> None:
    """Columns and vectors are of the same events; sums over all of them are dropped."""
    taken = BATCH.take(rows)
    kept = np.arange(3.0)[rows]
    assert taken.columns["score"].values.tolist() == kept.tolist()
    assert taken.vectors["text"][:, 0].tolist() == (2 * kept).tolist()
    assert taken.n == 2
    assert not taken.sums


def test_a_selection_of_vectors_alone() -> None:
    """The number of events is known without a column."""
    alone = EventBatch("1", 3, {}, vectors=BATCH.vectors)
    assert alone.take(np.array([1])).n == 1


@pytest.mark.parametrize("shape", [(2, 2), (3,), (3, 1, 1)])
def test_vectors_have_a_row_per_event(shape: tuple[int, ...]) -> None:
    """Another shape is refused, by name of the modality."""
    with pytest.raises(ShapeError, match="vectors 'text' have shape"):
        EventBatch("1", 3, {}, vectors={"text": np.zeros(shape)})
