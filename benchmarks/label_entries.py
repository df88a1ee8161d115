"""Ids that wait for labels, made by number: the same in every process and in every table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.entries import Entries
from detectors.id_table import keys_of
from detectors.pending import Pending

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 10_000  # ids that come at once
_MIX = np.uint64(0x9E3779B97F4A7C15)


def ids_from(first: int, n: int) -> NDArray[Any]:
    """Pseudonyms number ``first`` to ``first + n``: 16 bytes each, in no order."""
    numbers = np.arange(first + 1, first + n + 1, dtype=np.uint64)
    halves = np.stack([numbers * _MIX, (numbers * _MIX) >> np.uint64(7) ^ numbers * _MIX], axis=1)
    return np.ascontiguousarray(halves).view("V16").reshape(-1)


def keys_from(first: int, n: int) -> NDArray[np.uint64]:
    """Their keys."""
    return keys_of(ids_from(first, n))


def entries(first: int, n: int) -> Entries:
    """What waits with them."""
    numbers = np.arange(first, first + n)
    return Entries(
        keys_from(first, n),
        np.zeros(n, dtype=np.int32),
        (numbers % 600).astype(np.uint32),
        (numbers % 254).astype(np.uint8),
        np.ones(n, dtype=np.float32),
    )


def filled(pending: int) -> Pending:
    """A table that is as large as it may be, with all of them in it, written down on the way."""
    table = Pending(pending, 0)
    slot = table.open_slot()
    for first in range(0, pending, ROWS):
        part = entries(first, min(ROWS, pending - first))
        part.slots[:] = slot
        table.add(part)
        if first // ROWS % 100 == 99:
            table.drain()
    table.drain()
    return table


def process_mb(field: str) -> int:
    """A line of this process's status, in MB: ``VmRSS`` now, ``VmHWM`` at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) // 1_024
    raise RuntimeError(f"no {field} in the status of this process")
