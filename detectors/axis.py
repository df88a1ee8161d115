"""Where the events of a batch are on one axis of their cells.

Codes are kept in a byte wherever they fit, and only the part of an axis that the batch reaches is
counted: keys are computed over and over, and the fewer there can be, the more are counted together
(``detectors.key_counts``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MISSING = -1
_LARGEST = 126  # a code of one byte, with room for one more step
_MOST_NARROW = 2**8


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Every event's position on an axis of length ``extent``: ``first`` + ``values``.

    ``values`` has shape (n,) and lies in [0, ``width``).
    """

    values: NDArray[np.integer[Any]]
    first: int
    width: int
    extent: int

    def take(self, rows: NDArray[np.integer[Any]]) -> Axis:
        """The same axis with only these events."""
        return Axis(self.values[rows], self.first, self.width, self.extent)


@dataclass(frozen=True, slots=True)
class Box:
    """The part of an array that a batch reaches."""

    widths: tuple[int, ...]
    corner: tuple[int, ...]
    extents: tuple[int, ...]

    @classmethod
    def of(cls, axes: Sequence[Axis]) -> Box:
        """That of these axes, outermost first."""
        return cls(
            tuple(axis.width for axis in axes),
            tuple(axis.first for axis in axes),
            tuple(axis.extent for axis in axes),
        )

    @property
    def size(self) -> int:
        """How many cells it holds."""
        return math.prod(self.widths)

    def within(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """The whole array, shape ``extents``; ``cells`` are those of the box, the others 0."""
        if self.widths == self.extents:
            return cells.reshape(self.extents)
        whole = np.zeros(self.extents, dtype=np.int64)
        place = zip(self.corner, self.widths, strict=True)
        whole[tuple(slice(first, first + width) for first, width in place)] = cells.reshape(
            self.widths
        )
        return whole


def code_axis(
    codes: NDArray[np.integer[Any]], *, missing: int, extent: int | None = None
) -> Axis | None:
    """Codes of one byte on an axis; ``MISSING`` is at position ``missing``, 0 behind it.

    ``extent`` is the length of the axis; None = just as long as the codes need. None is given where
    a code is below ``MISSING`` or too large for a byte.
    """
    small = _small(codes)
    if small is None:
        return None
    values, lowest, width = small
    first = missing + lowest - MISSING
    needed = first + width if len(codes) else missing + 1
    return Axis(values, first, width, needed if extent is None else extent)


def keys_of(
    axes: Sequence[Axis], innermost: NDArray[np.integer[Any]], size: int
) -> NDArray[np.integer[Any]]:
    """Flat indices into the box of the axes, outermost first, and what is within them.

    ``innermost`` is the index on all further axes, below ``size``.
    """
    length = size
    number = _number(size * math.prod(axis.width for axis in axes))
    keys = innermost
    for axis in reversed(axes):
        if axis.width > 1:
            part = np.multiply(axis.values, number(length), dtype=number, casting="unsafe")
            keys = np.add(part, keys, out=part, casting="unsafe")
            length *= axis.width
    return keys


def _small(codes: NDArray[np.integer[Any]]) -> tuple[NDArray[np.uint8], int, int] | None:
    """Codes from the lowest on, that lowest, and how many there can be."""
    if codes.dtype != np.int8:
        if codes.min(initial=0) < MISSING or codes.max(initial=0) > _LARGEST:
            return None
        codes = codes.astype(np.int8)
    values = codes.view(np.uint8)
    top = int(np.maximum.reduce(values, initial=0))
    if top <= _LARGEST:
        return values, 0, top + 1
    if codes.min() < MISSING:
        return None
    top = int(codes.max())
    return values + np.uint8(1), MISSING, top + 2


def _number(size: int) -> type[np.integer[Any]]:
    """The narrowest type of so many keys."""
    if size <= _MOST_NARROW:
        return np.uint8
    return np.int16 if size <= 2**15 else np.int32
