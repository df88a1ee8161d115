"""Events on their way into panes: time, lateness, duplicates, group codes, the label join."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.entries import Entries
from detectors.id_table import keys_of
from detectors.reading import instants, weights_of
from detectors.score_bins import score_bins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detectors.closing import Closing
    from detectors.memory import Memory
    from detectors.panes import PaneState
    from detectors.sources import Arrival
    from detectors.version_panes import VersionPanes
    from governance.event import BatchSum, EventBatch
    from governance.finding import Finding
    from governance.wire.headers import Stamp


@dataclass(frozen=True, slots=True)
class _Rows:
    """Events that count: as detectors read them, when they happened, what joins their labels.

    ``sums`` are those of the message that brought them; they belong to its last event.
    """

    coded: EventBatch
    times: NDArray[np.int64]
    entries: Entries | None  # slots are given with the pane
    sums: Mapping[str, BatchSum] = field(default_factory=dict)

    def take(self, rows: Any) -> _Rows:
        if isinstance(rows, slice) and rows == slice(0, self.coded.n):
            return self
        entries = None if self.entries is None else self.entries.take(rows)
        sums: Mapping[str, BatchSum] = {}
        if self.sums and np.arange(self.coded.n)[rows][-1] == self.coded.n - 1:
            sums = self.sums
        return _Rows(self.coded.take(rows), self.times[rows], entries, sums)


class Intake:
    """Counts batches of events into the memory of one component."""

    def __init__(self, memory: Memory, closing: Closing) -> None:
        self._memory = memory
        self._closing = closing

    def count(self, batch: EventBatch, arrival: Arrival, *, numbered: bool) -> list[Finding]:
        """Put every event into its window, or count why it is in none.

        ``numbered`` is False where the same event may come in several messages, so that ids
        alone tell duplicates.
        """
        memory = self._memory
        memory.era.catch_up(memory.sources, memory.log_time_us)
        times, future = instants(batch, arrival.shift_us, memory.log_time_us)
        memory.counts["future"] += future
        kept = self._not_late(times)
        if not numbered:
            kept &= self._not_seen(batch, kept)
        sums = self._comparable(batch.sums) if batch.sums and batch.n else {}
        if sums and not kept[-1]:
            memory.counts["sums_late"] += len(sums)
            sums = {}
        if not kept.any():
            return []
        if not kept.all():
            rows = np.flatnonzero(kept)
            batch, times = batch.take(rows), times[rows]
        panes = memory.era.panes_of(batch.version)
        panes.hear(memory.log_time_us, memory.spec.monitoring.retire_after)
        memory.counts["events"] += batch.n
        rows_ = self._rows(panes, batch, times, numbered=numbered)
        if sums:
            rows_ = replace(rows_, sums=sums)
        if memory.era.by_time:
            self._into_time_panes(panes, rows_)
            return []
        return self._into_count_panes(panes, rows_)

    def count_stretch(
        self,
        place: tuple[VersionPanes, PaneState],
        batch: EventBatch,
        heard: Sequence[tuple[int, int]],
        *,
        numbered: bool,
    ) -> None:
        """Put the events of a stretch of messages into the open pane in which all of them lie.

        ``heard`` gives, for each message, the row at which it ends and its log time.
        """
        memory, (panes, pane) = self._memory, place
        kept = np.ones(batch.n, dtype=bool)
        if not numbered:
            kept = self._not_seen(batch, kept)
        start = 0
        for end, now_us in heard:
            if kept[start:end].any():
                panes.hear(now_us, memory.spec.monitoring.retire_after)
                if memory.era.by_time:
                    panes.note(pane.number)
            start = end
        if not kept.any():
            return
        if not kept.all():
            batch = batch.take(np.flatnonzero(kept))
        memory.counts["events"] += batch.n
        rows = self._rows(panes, batch, batch.columns["time"].values, numbered=numbered)
        if not memory.era.by_time:
            _widen(pane, rows.times)
        self._put(panes, pane, rows, panes.heard_us)

    def count_sums_alone(self, batch: EventBatch, arrival: Arrival, stamp: Stamp | None) -> None:
        """Put the sums of a message without events into the window that ends with its watermark.

        Its source has sent all events of that window, and sums them up at its end. A source without
        watermarks says an instant in the window itself. Where windows are counted it is the one
        that is open.
        """
        if batch.n or not batch.sums:
            return
        memory, sums = self._memory, self._comparable(batch.sums)
        now_us = memory.log_time_us
        watermark = None if stamp is None else stamp.watermark_us
        last_us = now_us if watermark is None else min(now_us, watermark + arrival.shift_us - 1)
        if batch.sums_at_us is not None:
            last_us = min(now_us, batch.sums_at_us + arrival.shift_us)
        if memory.era.is_late(np.array([last_us]))[0]:
            memory.counts["sums_late"] += len(sums)
            return
        panes = memory.era.panes_of(batch.version)
        panes.hear(now_us, memory.spec.monitoring.retire_after)  # sums may come ahead of events
        if memory.era.by_time:
            pane = memory.open_pane(panes, last_us // memory.era.pane_us, 0, now_us)
        else:
            pane = memory.count_pane(panes, last_us, now_us)
        self._add_sums(panes, pane, sums)

    def _comparable(self, sums: Mapping[str, BatchSum]) -> Mapping[str, BatchSum]:
        """Those of the reference's projections; the others are counted and ignored."""
        sizes = self._memory.spec.sum_sizes
        known = {n: total for n, total in sums.items() if total.values.shape == (sizes.get(n),)}
        self._memory.counts["sums_ignored"] += len(sums) - len(known)
        return known

    def _add_sums(self, panes: VersionPanes, pane: PaneState, sums: Mapping[str, BatchSum]) -> None:
        panes.add_sums(pane, sums)
        self._memory.counts["sums"] += len(sums)

    def _not_late(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        late = self._memory.era.is_late(times)
        self._memory.counts["late"] += int(late.sum())
        return ~late

    def _not_seen(self, batch: EventBatch, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which events are the first of their id; the rest are counted where they are wanted."""
        fresh = np.ones(batch.n, dtype=bool)
        if "event_id" not in batch.columns:
            return fresh
        keys = keys_of(batch.columns["event_id"].values)
        _, first = np.unique(keys, return_index=True)
        fresh[:] = False
        fresh[first] = True
        fresh &= ~self._memory.pending.contains(keys)
        fresh |= keys == 0  # no id
        self._memory.counts["duplicate_events"] += int((wanted & ~fresh).sum())
        return fresh

    def _rows(
        self, panes: VersionPanes, batch: EventBatch, times: NDArray[np.int64], *, numbered: bool
    ) -> _Rows:
        coded = panes.coded(batch)
        if "event_id" not in batch.columns or (numbered and not panes.joins_labels):
            return _Rows(coded, times, None)
        entries = Entries(
            keys_of(batch.columns["event_id"].values),
            np.zeros(batch.n, dtype=np.int32),
            panes.encoded(coded),
            score_bins(batch.columns.get("score"), batch.n),
            weights_of(batch),
        )
        return _Rows(coded, times, entries)

    def _into_time_panes(self, panes: VersionPanes, rows: _Rows) -> None:
        memory = self._memory
        numbers = rows.times // memory.era.pane_us
        first, last = int(numbers.min()), int(numbers.max())
        for number in [first] if first == last else np.unique(numbers).tolist():
            pane = memory.open_pane(panes, number, 0, memory.log_time_us)
            own = rows if first == last else rows.take(np.flatnonzero(numbers == number))
            self._put(panes, pane, own, memory.log_time_us)

    def _into_count_panes(self, panes: VersionPanes, rows: _Rows) -> list[Finding]:
        memory = self._memory
        size = memory.spec.monitoring.windows.events or 1
        findings: list[Finding] = []
        start = 0
        while start < rows.coded.n:
            first_us = int(rows.times[start])
            pane = memory.count_pane(panes, first_us, memory.log_time_us)
            end = min(start + size - pane.events, rows.coded.n)
            own = rows.take(slice(start, end))
            _widen(pane, own.times)
            self._put(panes, pane, own, memory.log_time_us)
            if pane.events >= size:
                findings += self._closing.close_full(panes, pane, memory.log_time_us)
            start = end
        return findings

    def _put(self, panes: VersionPanes, pane: PaneState, rows: _Rows, now_us: int) -> None:
        pane.heard_us = now_us
        panes.add(pane, rows.coded)
        if rows.sums:
            self._add_sums(panes, pane, rows.sums)
        if rows.entries is None:
            return
        named = np.flatnonzero(rows.entries.keys)
        entries = rows.entries if len(named) == rows.coded.n else rows.entries.take(named)
        if len(named):
            slots = np.full(len(named), pane.slot, dtype=np.int32)
            self._memory.pending.add(
                Entries(entries.keys, slots, entries.cells, entries.scores, entries.weights)
            )


def _widen(pane: PaneState, times: NDArray[np.int64]) -> None:
    """A count window spans its events."""
    low, high = int(times.min()), int(times.max())
    fresh = not pane.events
    pane.start_us = low if fresh else min(pane.start_us, low)
    pane.end_us = high if fresh else max(pane.end_us, high)
