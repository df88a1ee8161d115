"""A plane: many small numbers in one byte each, and those that need more written apart.

It is read in few steps, whatever arrays it holds. Numbers are below 2^31 in size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

_APART_BYTES = 6  # a place and a number; two less where all of those are short
_LEAST, _MOST = -128, 127
_SHORT = 2**15
_MOST_SHORT_PLACES = 2**16


def plane_bytes(numbers: Numbers) -> int:
    """How many bytes the numbers take in a plane, at most (of fewer than 65,536 numbers)."""
    return len(numbers) + _APART_BYTES * int(np.count_nonzero(_large(numbers)))


def write_plane(parts: Sequence[Numbers]) -> list[bytes]:
    """The numbers of all parts, end to end; then places, and numbers, of those written apart."""
    numbers = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    places = np.flatnonzero(_large(numbers))
    apart = numbers[places]
    numbers[places] = 0
    width = "<i2" if (np.abs(apart) < _SHORT).all() else "<i4"
    written = (numbers.astype("|i1"), places.astype(_places(len(numbers))), apart.astype(width))
    return [array.tobytes() for array in written]


def read_plane(written: Sequence[bytes]) -> Numbers:
    """What ``write_plane`` wrote, shape (numbers of all parts,)."""
    small, where, apart = written
    numbers = np.frombuffer(small, dtype="|i1").astype(np.int64)
    if where:
        places = np.frombuffer(where, dtype=_places(len(numbers)))
        width = "<i2" if len(apart) == 2 * len(places) else "<i4"
        numbers[places] = np.frombuffer(apart, dtype=width)
    return numbers


def _large(numbers: Numbers) -> NDArray[np.bool_]:
    return (numbers < _LEAST) | (numbers > _MOST)


def _places(size: int) -> str:
    return "<u2" if size <= _MOST_SHORT_PLACES else "<u4"
