"""Buckets of errors (prediction - label): sign and size within 1 %, as a number of two bytes.

A sum of errors or of their squares in fixed point needs a scale, and nobody declares one: it
would overflow for prices in yen or vanish for probabilities. So errors are counted by bucket and
mean and spread are read from the counts: no scale, no overflow, and one huge error is one count.

Bucket 0: not known (prediction or label is not a finite number). Bucket 1: at most ``SMALLEST`` in
size, read as 0. Then ``_SIZES`` buckets that grow by g = (1 + a) / (1 - a), a = 0.01, for
predictions that are too high, and as many for those too low; the last of each also holds what is
larger than ``LARGEST``. A bucket (l, g l] is read as 2 g l / (g + 1), within 1 % of all it holds
(DDSketch, Masson, Rim & Lee 2019, Lemma 2), whichever moment is taken.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SMALLEST, LARGEST = 1e-9, 1e12
_GROWTH: Final = 1.01 / 0.99
_SIZES: Final = math.ceil(math.log(LARGEST / SMALLEST) / math.log(_GROWTH))
UNKNOWN, _ZERO = 0, 1
_HIGH = 2  # first bucket of predictions that are too high
_LOW: Final = _HIGH + _SIZES
ERROR_BUCKETS: Final = _LOW + _SIZES
LARGEST_BUCKETS: Final = (_LOW - 1, ERROR_BUCKETS - 1)

_STEPS: Final[Floats] = np.arange(1, _SIZES + 1).astype(np.float64)
_SIZE: Final[Floats] = SMALLEST * np.power(_GROWTH, _STEPS) * (2 / (_GROWTH + 1))
VALUES: Final[Floats] = np.concatenate([[0.0, 0.0], _SIZE, -_SIZE])
"""How each bucket is read, shape (ERROR_BUCKETS,); ``UNKNOWN`` must be left out."""


def error_buckets(error: NDArray[Any]) -> NDArray[np.uint16]:
    """Bucket of each error, shape (n,); not finite is ``UNKNOWN``."""
    known = np.isfinite(error)
    size = np.abs(np.where(known, error, 0.0))
    exact = np.log(np.clip(size, SMALLEST, LARGEST) / SMALLEST) / math.log(_GROWTH)
    step = np.clip(np.ceil(exact), 1, _SIZES).astype(np.int64) - 1
    bucket = step + np.where(error < 0, _LOW, _HIGH)
    bucket = np.where(size <= SMALLEST, _ZERO, bucket)
    return np.where(known, bucket, UNKNOWN).astype(np.uint16)
