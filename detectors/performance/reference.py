"""What the labelled rows of a reference add up to, and how a profile writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import in_pieces
from detectors.performance.seen import (
    SHAPES,
    count_errors,
    count_outcomes,
    count_predicted,
    count_predictions,
    count_scored,
)
from governance.algebra.sums import merge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from governance.algebra.sums import Sums
    from governance.event import EventBatch

_READ = frozenset({"favourable", "label", "score", "prediction", "error"})


def performance_sums(batch: EventBatch, *, of_numbers: bool) -> Sums:
    """The sums of labelled rows, by the names that windows have; empty without any.

    Rows without a label are in none of them. Weights are not looked at.
    """
    name = "error" if of_numbers else "label"
    column = batch.columns.get(name)
    if column is None:
        return {}
    known = np.isfinite(column.values) if of_numbers else column.values >= 0
    plain = type(batch)(
        batch.version,
        batch.n,
        {n: c for n, c in batch.columns.items() if n in _READ},
    ).take(np.flatnonzero(known))
    if not plain.n:
        return {}
    counted = (
        (count_predicted, count_errors)
        if of_numbers
        else (count_predictions, count_outcomes, count_scored)
    )
    return merge(in_pieces(count, plain) for count in counted)


def sparse(array: NDArray[np.int64]) -> list[list[int]]:
    """The cells that are not 0: [place in the flattened array, count]."""
    flat = array.ravel()
    places = np.flatnonzero(flat)
    return [list(pair) for pair in zip(places.tolist(), flat[places].tolist(), strict=True)]


def dense(name: str, cells: list[tuple[int, int]]) -> NDArray[np.int64]:
    """What ``sparse`` wrote down; raises ValueError where it does not fit."""
    if name not in SHAPES:
        raise ValueError(f"{name!r} is not known")
    array = np.zeros(SHAPES[name], dtype=np.int64)
    flat = array.reshape(-1)
    for place, count in cells:
        if place >= flat.size:
            raise ValueError(f"{name!r} has {flat.size} cells, not {place + 1}")
        flat[place] = count
    return array
