"""Cells of weighted counts: how many events, their weight and squared weight, all additive.

Per cell three integers are added up: events, the sum of w - 1 and the sum of w^2 - 1, where
w = 1 / sampling probability. The last two are left out while every weight is 1 and an absent
array counts as zeros, so traffic that is not sampled costs one bincount, and weights of 1 change
no byte.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.key_counts import key_counts
from detectors.stats.limits import effective_counts
from governance.algebra.sums import MAX_WEIGHT, SQUARED_WEIGHT_SCALE, WEIGHT_SCALE, merge
from governance.errors import ShapeError
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from governance.algebra.sums import Sums

_PIECE = 2**16
_EXCESS = ".excess_weight"  # sum of w - 1, scale WEIGHT_SCALE
_SQUARED_EXCESS = ".excess_squared_weight"  # sum of w^2 - 1, scale SQUARED_WEIGHT_SCALE


@dataclass(frozen=True, slots=True)
class Cells:
    """Events, sum of w and sum of w^2 per cell; three float64 arrays of one shape (...).

    One array where every weight is 1.
    """

    events: NDArray[np.float64]
    weight: NDArray[np.float64]
    squared_weight: NDArray[np.float64]

    @property
    def plain(self) -> bool:
        """Whether every weight is known to be 1."""
        return self.weight is self.events and self.squared_weight is self.events

    def __getitem__(self, key: Any) -> Cells:
        return self._each(lambda array: array[key])

    def __add__(self, other: Cells) -> Cells:
        if self.plain and other.plain:
            return _plain(self.events + other.events)
        return Cells(
            self.events + other.events,
            self.weight + other.weight,
            self.squared_weight + other.squared_weight,
        )

    def reshape(self, *shape: int) -> Cells:
        """The same cells with other axes."""
        return self._each(lambda array: array.reshape(shape))

    def sums(self, marks: NDArray[np.float64]) -> Cells:
        """Sums of each group's cells where ``marks``, shape (cells, k), is 1; shape (groups, k)."""
        return self._each(lambda array: array.reshape(-1, len(marks)) @ marks)

    def total(self) -> Cells:
        """The sum over the last axis."""
        return self._each(lambda array: array.sum(axis=-1))

    def _each(self, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Cells:
        if self.plain:
            return _plain(change(self.events))
        return Cells(change(self.events), change(self.weight), change(self.squared_weight))


def _plain(events: NDArray[np.float64]) -> Cells:
    return Cells(events, events, events)


def share(success: Cells, whole: Cells) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Successes and effective size of ``success`` in ``whole``, element by element."""
    if success.plain and whole.plain:
        return success.events, whole.events
    return effective_counts(
        whole.events,
        (whole.weight, success.weight),
        (whole.squared_weight, success.squared_weight),
    )


def kish_sizes(whole: Cells) -> NDArray[np.float64]:
    """(sum w)^2 / sum w^2: of how many equal events the weight could come; 0 without any."""
    if whole.plain:
        return whole.events
    squared = np.where(whole.squared_weight > 0, whole.squared_weight, 1.0)
    sizes: NDArray[np.float64] = whole.weight**2 / squared
    return sizes


def sampling_weight(batch: EventBatch) -> NDArray[np.float64] | None:
    """1 / sampling probability per event, in [1, MAX_WEIGHT]; None where all weights are 1.

    No event can stand for less than itself: a weight below 1 or missing counts as 1.
    """
    column = batch.columns.get("weight")
    if column is None:
        return None
    weight = np.fmin(np.fmax(column.values.astype(np.float64), 1.0), MAX_WEIGHT)
    return weight if (weight != 1.0).any() else None


def in_pieces(add: Callable[[EventBatch], Sums], batch: EventBatch, piece: int = _PIECE) -> Sums:
    """``add`` over runs of at most 2^16 events, or ``piece``, merged.

    What is derived from a run stays in the cache, and float sums of its fixed-point weights stay
    below 2^53 up to 2^18 events, so they are exact.
    """
    if batch.n <= piece:
        return add(batch)
    return merge(add(_run(batch, start, piece)) for start in range(0, batch.n, piece))


def count(
    name: str,
    keys: NDArray[np.integer[Any]],
    shape: tuple[int, ...],
    weight: NDArray[np.float64] | None,
) -> Sums:
    """Arrays of one batch; ``keys``, shape (n,), index the flattened cells of ``shape``."""
    size = math.prod(shape)
    sums = {name: key_counts(keys, size).reshape(shape)}
    if weight is not None:
        sums[name + _EXCESS] = _fixed(keys, weight - 1, WEIGHT_SCALE, shape)
        sums[name + _SQUARED_EXCESS] = _fixed(keys, weight**2 - 1, SQUARED_WEIGHT_SCALE, shape)
    return sums


def margin(
    name: str, sums: Mapping[str, NDArray[np.int64]], whole: str, axes: tuple[int, ...]
) -> Sums:
    """What ``count`` gives for keys without these axes of ``whole``: integers, so exactly that."""
    parts = ("", _EXCESS, _SQUARED_EXCESS)
    return {
        name + part: sums[whole + part].sum(axis=axes) for part in parts if whole + part in sums
    }


def read(sums: Mapping[str, NDArray[np.int64]], name: str, shape: tuple[int, ...]) -> Cells:
    """The cells that ``count`` added up under ``name``, padded with zeros to ``shape``.

    Raises
    ------
    ShapeError
        If an array is larger than ``shape``.
    """
    events = _padded(sums, name, shape)
    if name + _EXCESS not in sums:
        return _plain(events)
    weight = _padded(sums, name + _EXCESS, shape) / WEIGHT_SCALE
    squared = _padded(sums, name + _SQUARED_EXCESS, shape) / SQUARED_WEIGHT_SCALE
    return Cells(events, events + weight, events + squared)


def _run(batch: EventBatch, start: int, piece: int) -> EventBatch:
    run = slice(start, start + piece)
    columns = {
        name: Column(column.values[run], column.dictionary)
        for name, column in batch.columns.items()
    }
    return EventBatch(batch.version, min(piece, batch.n - start), columns)


def _fixed(
    keys: NDArray[np.integer[Any]], amounts: NDArray[np.float64], scale: int, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Fixed-point sums per cell; exact for up to 2^18 events (``in_pieces``)."""
    size = math.prod(shape)
    total = np.bincount(keys, weights=np.rint(amounts * scale), minlength=size)
    return total.reshape(shape).astype(np.int64)


def _padded(
    sums: Mapping[str, NDArray[np.int64]], name: str, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    array = sums.get(name)
    if array is not None and array.shape == shape:
        return array.astype(np.float64)
    cells = np.zeros(shape)
    if array is not None:
        if array.ndim != len(shape) or any(
            have > room for have, room in zip(array.shape, shape, strict=True)
        ):
            raise ShapeError(f"array {name!r} has shape {array.shape}; at most {shape} is known")
        cells[tuple(slice(size) for size in array.shape)] = array
    return cells
