"""Segments of the pending table: sealed, deleted oldest first, rewritten when mostly dead."""

from __future__ import annotations

import numpy as np

from detectors.entries import Entries
from detectors.pending import Pending
from detectors.segments import STEP_ROWS, Segments, Step

HOUR = 3_600_000_000


def _insert(pending: Pending, slot: int, first: int, n: int) -> None:
    keys = np.arange(first, first + n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    slots, zeros = np.full(n, slot, np.int32), np.zeros(n, np.uint8)
    pending.add(Entries(keys, slots, zeros.astype(np.uint32), zeros, np.ones(n, np.float32)))


def test_no_segment_passes_four_mebibytes() -> None:
    """Many ids between two checkpoints become many segments."""
    pending = Pending(2_000_000, HOUR)
    slot = pending.open_slot()
    for start in range(1, 300_001, 50_000):
        _insert(pending, slot, start, 50_000)
    blobs = pending.drain()
    assert len(blobs) == 300_000 // STEP_ROWS
    assert max(map(len, blobs.values())) < 4 * 2**20


def test_segments_go_when_their_windows_have_matured() -> None:
    """Whole segments, oldest first, and nothing of what still waits."""
    pending = Pending(2_000_000, HOUR)
    first, second = pending.open_slot(), pending.open_slot()
    _insert(pending, first, 1, STEP_ROWS)
    _insert(pending, second, STEP_ROWS + 1, 10)
    assert sorted(pending.drain()) == [0, 1]
    pending.mature(first, HOUR)
    gone = {number for number, blob in pending.drain().items() if not blob}
    assert gone == {0}


def test_mostly_dead_segments_are_written_anew() -> None:
    """A window that stays open for long does not hold what came after it."""
    pending = Pending(2_000_000, HOUR)
    starved = pending.open_slot()
    _insert(pending, starved, 1, 10)
    stored: dict[int, bytes] = {}
    for turn in range(8):
        slot = pending.open_slot()
        _insert(pending, slot, 1 + 20_000 * (turn + 1), 20_000)
        pending.mature(slot, HOUR)
        stored |= pending.drain()
    stored = {number: blob for number, blob in stored.items() if blob}
    assert sum(map(len, stored.values())) < 20_000 * 8 * 4
    restored = Pending(2_000_000, HOUR)
    restored.restore(pending.state(), stored, HOUR)
    assert restored.live == pending.live == 10


def test_the_newest_segment_grows_until_it_is_sealed() -> None:
    """Small checkpoints write one row again and again, not one row each."""
    segments = Segments(HOUR)
    numbers = set()
    for key in range(1, 50):
        keys, slots = np.array([key], np.uint64), np.zeros(1, np.int32)
        segments.append(Step.JOIN, {"keys": keys, "slots": slots, "labels": slots})
        numbers |= set(segments.drain())
    assert numbers == {0}
