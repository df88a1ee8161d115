"""Recorded traffic as the log that it would have been.

File order is log order and log time is the running maximum of the events' times, so an event that
comes far too late in the file comes too late. Labels of the file's own column come with their
events; labels of a file of their own enter at their time, or after the last event where they have
none.

Consecutive rows share a record unless something may happen between them: a window that log time
closes, a label horizon that ends, a label that comes. So the result is that of one row a record.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from collectors.rows.csv import CsvRows
from collectors.rows.jsonl import JsonlRows
from collectors.rows.parquet import ParquetRows
from governance.clock import SECOND_US
from governance.errors import ConfigError
from governance.event import EventBatch, LabelBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from collectors.rows.events import TimedRows
    from collectors.rows.labels import RecordedLabels
    from collectors.rows.table import RowFile
    from governance.component.schema import Monitoring

    SegmentOf = Callable[[NDArray[np.int64]], NDArray[np.int64]]

OPENERS: Final[dict[str, Callable[[Path, BinaryIO], RowFile]]] = {
    ".csv": CsvRows,
    ".jsonl": JsonlRows,
    ".ndjson": JsonlRows,
    ".parquet": ParquetRows,
    ".pq": ParquetRows,
}

CLOSING_GRACE_US = 15 * SECOND_US  # DESIGN 6: a window closes 15 s after its end at the earliest

_FINEST_GRID_US = SECOND_US
_LABELS_PER_RECORD = 65_536


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record of the log: what it holds, and its append time."""

    batch: EventBatch | LabelBatch
    append_time_us: int


@contextmanager
def open_rows(path: Path) -> Iterator[RowFile]:
    """Open a file of rows by its ending; raises ConfigError if it cannot be read."""
    opener = OPENERS.get(path.suffix.lower())
    if opener is None:
        raise ConfigError(f"{path}: is none of {', '.join(OPENERS)}")
    try:
        raw = path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    with raw:
        yield opener(path, raw)


def log_of(
    tables: Iterable[TimedRows], monitoring: Monitoring, labels: RecordedLabels | None = None
) -> Iterator[LogEntry]:
    """The records of a replay, in order; ``append_time_us`` never falls.

    Parameters
    ----------
    tables
        The events, in file order.
    monitoring
        How windows are cut: where records must not be shared.
    labels
        Those of a file of their own.
    """
    segment_of = _segments(monitoring, timed_labels=labels is not None and labels.timed)
    waiting = _Waiting(labels, segment_of)
    now = 0
    for rows in tables:
        if not rows.n:
            continue
        log_time = np.maximum.accumulate(np.maximum(rows.times, now))
        for start, end in _runs(segment_of(log_time)):
            for entry in waiting.before(log_time[start], now):
                now = entry.append_time_us
                yield entry
            now = max(now, int(log_time[end - 1]))
            yield from (LogEntry(batch, now) for batch in rows.batches(np.arange(start, end)))
            own = rows.labels_of(start, end)
            if own is not None:
                yield LogEntry(own, now)
    yield from waiting.rest(now)


class _Waiting:
    """Labels of a file of their own, until their time has come."""

    def __init__(self, labels: RecordedLabels | None, segment_of: SegmentOf) -> None:
        self._labels = LabelBatch(0, {}) if labels is None else labels.batch
        self._timed = labels is not None and labels.timed
        self._segment_of = segment_of
        self._next = 0
        times = self._labels.columns["time"].values if self._timed else np.empty(0, np.int64)
        self._segments = segment_of(times)

    def before(self, log_time_us: np.int64, now: int) -> Iterator[LogEntry]:
        """Labels of the segments before that of the next event; events of a segment come first."""
        if self._timed:
            segment = self._segment_of(np.array([log_time_us]))[0]
            yield from self._until(int(np.searchsorted(self._segments, segment)), now)

    def rest(self, now: int) -> Iterator[LogEntry]:
        """The labels that are left when the last event has come."""
        yield from self._until(self._labels.n, now)

    def _until(self, end: int, now: int) -> Iterator[LogEntry]:
        while self._next < end:
            stop = min(end, self._next + _LABELS_PER_RECORD)
            if self._timed:
                segment = self._segments[self._next]
                stop = min(stop, int(np.searchsorted(self._segments, segment, side="right")))
                now = max(now, int(self._labels.columns["time"].values[stop - 1]))
            yield LogEntry(self._labels.take(np.arange(self._next, stop)), now)
            self._next = stop


def _segments(monitoring: Monitoring, *, timed_labels: bool) -> SegmentOf:
    """A number for each log time that grows where something may happen between two rows.

    Time windows close, and their labels end, at known instants. Where count windows do is not
    known beforehand: there a grid of a thousandth of the horizon (or a hundredth of ``maxAge``)
    keeps rows apart.
    """
    windows = monitoring.windows
    if windows.kind == "every":
        delays = (CLOSING_GRACE_US, monitoring.lateness, monitoring.label_horizon)
        return lambda times: np.sum([(times - d) // windows.pane_us for d in delays], axis=0)
    grids = [monitoring.label_horizon // 1_000] if timed_labels else []
    grids += [] if windows.max_age is None else [windows.max_age // 100]
    if not grids:
        return np.zeros_like
    grid = max(_FINEST_GRID_US, min(grids))
    return lambda times: times // grid


def _runs(segments: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal numbers."""
    bounds = [0, *(np.flatnonzero(np.diff(segments)) + 1).tolist(), len(segments)]
    return pairwise(bounds)
