"""Several small batches as one: detectors then pay numpy's price per call once, not per message.

Sums are integers, so how events are put into batches changes no total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from governance.event import MISSING_CODE, Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def coalesce(parts: Sequence[EventBatch]) -> list[EventBatch]:
    """Put batches of one version together wherever columns and vectors are of the same kinds."""
    kinds: dict[tuple[Any, ...], list[EventBatch]] = {}
    for part in parts:
        kinds.setdefault(_kind(part), []).append(part)
    return [same[0] if len(same) == 1 else _joined(same) for same in kinds.values()]


def _kind(batch: EventBatch) -> tuple[Any, ...]:
    columns = (
        (name, column.dictionary is None, column.values.dtype.str)
        for name, column in batch.columns.items()
    )
    vectors = ((name, rows.shape[1], rows.dtype.str) for name, rows in batch.vectors.items())
    return (*sorted(columns), *sorted(vectors))


def _joined(parts: Sequence[EventBatch]) -> EventBatch:
    columns = {name: _column([p.columns[name] for p in parts]) for name in parts[0].columns}
    vectors = {name: np.concatenate([p.vectors[name] for p in parts]) for name in parts[0].vectors}
    n = sum(part.n for part in parts)
    return EventBatch(parts[0].version, n, columns, vectors=vectors)


def _column(parts: Sequence[Column]) -> Column:
    first = parts[0].dictionary
    if first is None:
        return Column(np.concatenate([part.values for part in parts]))
    if all(part.dictionary == first for part in parts):
        return Column(np.concatenate([part.values for part in parts]), first)
    index: dict[str, int] = {}
    codes = [_recoded(part, index) for part in parts]
    return Column(np.concatenate(codes), tuple(index))


def _recoded(part: Column, index: dict[str, int]) -> NDArray[np.int32]:
    table = [index.setdefault(text, len(index)) for text in part.dictionary or ()]
    codes: NDArray[np.int32] = np.array([*table, MISSING_CODE], dtype=np.int32).take(part.values)
    return codes
