"""Named integer arrays that merge by addition.

Everything that is remembered about a window is a set of such arrays, so a window is a sum of
panes and a component is a sum over its pods. Addition of int64 is exactly associative: the order
in which panes, pods or late labels are added changes nothing.

Weights are fixed point. A weight w is 1 / sampling probability, at most ``MAX_WEIGHT``; its
square needs a coarser scale to stay far from overflow (10,000^2 * 2^8 leaves room for 3e8 events).
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

WEIGHT_SCALE = 2**16  # sums of weights are int64 multiples of 1 / WEIGHT_SCALE
SQUARED_WEIGHT_SCALE = 2**8  # sums of squared weights
MAX_WEIGHT = 10_000.0

_PLAIN, _COMPRESSED = 0, 1  # forms of a packed array; two more have one byte per number
_BYTES = {2: "|i1", 3: "|u1"}
_REST = {"<i2": "|i1", "<i4": "<i4", "<i8": "<i8"}  # holds a number but for its lowest byte
_LARGEST_APART = 2**15 - 129  # of two bytes: above it the rest of a signed byte may not fit
_MOST_IN_BYTES = 2**16  # places are written in two bytes

Sums = dict[str, "NDArray[np.int64]"]


def merge(parts: Iterable[Mapping[str, NDArray[np.int64]]]) -> Sums:
    """Add named arrays up; an array that is absent counts as zeros.

    Arrays of one name may differ in length along any axis (dictionaries only grow): the shorter
    is padded with zeros at its end.

    Raises
    ------
    ValueError
        If two arrays of one name differ in their number of axes.
    """
    total: Sums = {}
    for part in parts:
        for name, array in part.items():
            total[name] = _add(name, total[name], array) if name in total else array
    return total


def subtract(left: Mapping[str, NDArray[np.int64]], right: Mapping[str, NDArray[np.int64]]) -> Sums:
    """``left - right``, name by name, with the padding of ``merge``."""
    return merge([left, {name: -array for name, array in right.items()}])


def weighted_counts(
    codes: NDArray[Any], size: int, weight: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Sum of weights per code, shape (size,), scale ``WEIGHT_SCALE``; codes below 0 are skipped."""
    keep = codes >= 0
    if not keep.all():
        codes = codes[keep]
        weight = None if weight is None else weight[keep]
    if weight is None:
        return np.bincount(codes, minlength=size).astype(np.int64) * WEIGHT_SCALE
    fixed = np.rint(np.minimum(weight, MAX_WEIGHT) * WEIGHT_SCALE)
    return np.bincount(codes, weights=fixed, minlength=size).astype(np.int64)


def squared_weighted_counts(
    codes: NDArray[Any], size: int, weight: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Sum of squared weights per code, shape (size,), scale ``SQUARED_WEIGHT_SCALE``."""
    keep = codes >= 0
    if not keep.all():
        codes = codes[keep]
        weight = None if weight is None else weight[keep]
    if weight is None:
        return np.bincount(codes, minlength=size).astype(np.int64) * SQUARED_WEIGHT_SCALE
    fixed = np.rint(np.minimum(weight, MAX_WEIGHT) ** 2 * SQUARED_WEIGHT_SCALE)
    return np.bincount(codes, weights=fixed, minlength=size).astype(np.int64)


def pack(sums: Mapping[str, NDArray[np.int64]]) -> bytes:
    """The arrays as bytes, by name: what all their numbers have in common is written once.

    Without the power of two that divides them all, in the narrowest integer type that holds them;
    one byte each, where that takes less even with those apart that need more; compressed, where
    that halves them. Dense counts are read several times as fast as they were compressed. Equal
    sums give equal bytes, so a replay can be compared byte for byte.
    """
    packed = []
    for name in sorted(sums):
        shift = _common_shift(sums[name])
        narrow = _narrow(sums[name] >> shift)
        form, raw = _shortest(narrow)
        packed.append((name, narrow.dtype.str, list(narrow.shape), shift, form, raw))
    # A copy: behind its bytes msgspec keeps half as much room again, for as long as they live.
    return bytes(memoryview(msgspec.msgpack.encode(packed)))


def unpack(blob: bytes) -> Sums:
    """Read what ``pack`` wrote, as int64 arrays."""
    sums: Sums = {}
    for name, dtype, shape, shift, form, raw in msgspec.msgpack.decode(blob):
        if form in _BYTES:
            array = _merged(raw, dtype, math.prod(shape), _BYTES[form])
        else:
            plain = zlib.decompress(raw) if form == _COMPRESSED else raw
            array = np.frombuffer(plain, dtype=dtype).astype(np.int64)
        if shift:
            array <<= shift
        sums[name] = array if len(shape) == 1 else array.reshape(shape)
    return sums


def _shortest(narrow: NDArray[Any]) -> tuple[int, bytes]:
    """The form of an array that takes the least room, and the bytes of it."""
    plain = narrow.tobytes()
    small = zlib.compress(plain, 1)
    forms = [(len(plain), _PLAIN, plain), (2 * len(small) - 1, _COMPRESSED, small)]
    if narrow.itemsize > 1 and narrow.size <= _MOST_IN_BYTES and _fits_apart(narrow):
        forms += [
            (len(apart), form, apart)
            for form, dtype in _BYTES.items()
            for apart in (_apart(narrow, dtype),)
        ]
    _, form, raw = min(forms, key=lambda each: each[:2])
    return form, raw


def _fits_apart(narrow: NDArray[Any]) -> bool:
    return narrow.dtype.str != "<i2" or int(narrow.max()) <= _LARGEST_APART


def _apart(narrow: NDArray[Any], dtype: str) -> bytes:
    """One byte per number, then for those that need more their places and what else they have."""
    flat = narrow.ravel()
    low = flat.astype(dtype)
    rest = (flat.astype(np.int64) - low) >> 8
    places = np.flatnonzero(rest)
    high = rest[places].astype(_REST[narrow.dtype.str])
    return b"".join([low.tobytes(), places.astype("<u2").tobytes(), high.tobytes()])


def _merged(raw: bytes, dtype: str, size: int, byte: str) -> NDArray[np.int64]:
    array = np.frombuffer(raw, dtype=byte, count=size).astype(np.int64)
    if len(raw) > size:
        rest = _REST[dtype]
        apart = (len(raw) - size) // (2 + int(rest[-1]))
        places = np.frombuffer(raw, dtype="<u2", count=apart, offset=size)
        high = np.frombuffer(raw, dtype=rest, count=apart, offset=size + 2 * apart)
        array[places] += high.astype(np.int64) << 8
    return array


def _add(name: str, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    if left.shape == right.shape:
        return left + right
    if left.ndim != right.ndim:
        raise ValueError(
            f"array {name!r} has {left.ndim} axes in one part, {right.ndim} in another"
        )
    shape = tuple(max(sizes) for sizes in zip(left.shape, right.shape, strict=True))
    total = np.zeros(shape, dtype=np.int64)
    total[tuple(slice(size) for size in left.shape)] += left
    total[tuple(slice(size) for size in right.shape)] += right
    return total


def _common_shift(array: NDArray[np.int64]) -> int:
    """The largest power of two that divides every number; 0 where all are 0."""
    bits = int(np.bitwise_or.reduce(array, axis=None))
    return max(0, (bits & -bits).bit_length() - 1)


def _narrow(array: NDArray[np.int64]) -> NDArray[Any]:
    if array.size == 0:
        return array.astype("<i1")
    low, high = int(array.min()), int(array.max())
    for dtype in ("<i1", "<i2", "<i4"):
        bounds = np.iinfo(dtype)
        if bounds.min <= low and high <= bounds.max:
            return array.astype(dtype)
    return array.astype("<i8")
