"""Named integer arrays that merge by addition.

Everything that is remembered about a window is a set of such arrays, so a window is a sum of
panes and a component is a sum over its pods. Addition of int64 is exactly associative: the order
in which panes, pods or late labels are added changes nothing.

Weights are fixed point. A weight w is 1 / sampling probability, at most ``MAX_WEIGHT``; its
square needs a coarser scale to stay far from overflow (10,000^2 * 2^8 leaves room for 3e8 events).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

WEIGHT_SCALE = 2**16  # sums of weights are int64 multiples of 1 / WEIGHT_SCALE
SQUARED_WEIGHT_SCALE = 2**8  # sums of squared weights
MAX_WEIGHT = 10_000.0

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
