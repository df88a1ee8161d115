"""Counting several small keys at a time."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.key_counts import events_a_key, key_counts


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9, 20, 32, 33, 181, 182, 256])
@pytest.mark.parametrize("n", [0, 1, 7, 1_000, 33_001])
def test_joint_keys_count_what_single_ones_do(size: int, n: int) -> None:
    """Counts equal a plain bincount's, however many keys are joined and whatever is left over."""
    keys = np.random.default_rng(size).integers(0, size, n).astype(np.uint8)
    counts = key_counts(keys, size)
    assert counts.dtype == np.int64
    assert counts.tolist() == np.bincount(keys, minlength=size).tolist()


def test_keys_are_joined_only_where_it_pays() -> None:
    """Joint keys have at most 2^15 cells, and fewer than there are events."""
    assert [events_a_key(10**6, size) for size in (2, 9, 20, 32, 40, 181, 182)] == [
        15,
        4,
        3,
        3,
        2,
        2,
        1,
    ]
    assert [events_a_key(n, 40) for n in (0, 1_599, 1_600)] == [1, 1, 2]


def test_wide_keys_are_counted_one_by_one() -> None:
    """Keys of more than a byte have no joint key of 16 bits."""
    keys = np.array([0, 999, 999] * 1_000, dtype=np.int32)
    assert key_counts(keys, 1_000)[[0, 999]].tolist() == [1_000, 2_000]
