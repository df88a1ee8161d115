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

from governance.algebra.planes import plane_bytes, read_plane, write_plane

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

WEIGHT_SCALE = 2**16  # sums of weights are int64 multiples of 1 / WEIGHT_SCALE
SQUARED_WEIGHT_SCALE = 2**8  # sums of squared weights
MAX_WEIGHT = 10_000.0

_PLAIN, _COMPRESSED, _PLANE = 0, 1, 2  # forms of a packed array
_WIDEST_IN_PLANE = 4  # bytes

_NOTHING = msgspec.msgpack.encode(([], write_plane([])))  # one for all panes without sums

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
    """The arrays as bytes, by name: what all numbers of one have in common is written once.

    Without the power of two that divides them all. Most arrays share a plane of one byte per
    number; one of which too many need more is written in the narrowest type that holds it, and one
    that compresses to less than half is compressed. So what is read most is read in few steps.
    Equal sums give equal bytes, so a replay can be compared byte for byte.
    """
    if not sums:
        return _NOTHING
    heads: list[tuple[str, list[int], int, int, str, bytes]] = []
    plane: list[NDArray[np.int64]] = []
    for name in sorted(sums):
        shift = _common_shift(sums[name])
        numbers = (sums[name] >> shift).ravel()
        form, dtype, raw = _shortest(numbers)
        if form == _PLANE:
            plane.append(numbers)
        heads.append((name, list(sums[name].shape), shift, form, dtype, raw))
    # A copy: behind its bytes msgspec keeps half as much room again, for as long as they live.
    return bytes(memoryview(msgspec.msgpack.encode((heads, write_plane(plane)))))


def unpack(blob: bytes) -> Sums:
    """Read what ``pack`` wrote, as int64 arrays."""
    heads, written = msgspec.msgpack.decode(blob)
    plane = read_plane(written)
    at = 0
    sums: Sums = {}
    for name, shape, shift, form, dtype, raw in heads:
        if form == _PLANE:
            size = math.prod(shape)
            array = plane[at : at + size]
            at += size
        else:
            plain = zlib.decompress(raw) if form == _COMPRESSED else raw
            array = np.frombuffer(plain, dtype=dtype).astype(np.int64)
        if shift:
            array <<= shift
        sums[name] = array if len(shape) == 1 else array.reshape(shape)
    return sums


def _shortest(numbers: NDArray[np.int64]) -> tuple[int, str, bytes]:
    """The form of an array that takes the least room; type and bytes where it is in no plane."""
    narrow = _narrow(numbers)
    plain = narrow.tobytes()
    small = zlib.compress(plain, 1)
    sizes = [(len(plain), _PLAIN), (2 * len(small) - 1, _COMPRESSED)]
    if narrow.itemsize <= _WIDEST_IN_PLANE:
        sizes.append((plane_bytes(numbers), _PLANE))
    _, form = min(sizes, key=lambda each: (each[0], -each[1]))
    if form == _PLANE:
        return form, "", b""
    return form, narrow.dtype.str, small if form == _COMPRESSED else plain


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
