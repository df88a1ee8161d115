"""Embeddings added up in the pod: what leaves is the sum of many, per version and window.

::

    vectors of events ─► by (version, modality, window) ─► 256 at a time, projected ─► sum, n
                                                            window over ─► a message, or too small

Windows in time end at multiples of the pane's length. A sum is complete once every request yet to
come began after that end; its message says so by its watermark, by which the other side knows the
window. Windows of counted events have no such end here: a sum is sent whenever it is over a fair
part of a window, right ahead of its events, and counts in the window that is open when it arrives.

A sum over fewer than ``SMALLEST_SUM`` events at its end is dropped, and its events counted
``sum_too_small``. Sampling keeps events with one probability, so a sum of those that were kept
needs no weights: its mean is that of all. Where contents of a part are looked into, and of another
part later (``collectors.cpu_budget``), each part has a sum of its own, which says for how many
events each of its own stands.

Cost: about 30 µs an event. Memory: 16 kB a sum, 512 kB of vectors that wait.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from governance.event import BatchSum, EventBatch, sum_name
from governance.privacy import SMALLEST_SUM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from governance.algebra.fourier import Projection
    from governance.component.schema import Windows

MOST_OPEN = 256  # sums at one time; versions beyond it are a client's invention

TOGETHER = 256  # vectors that are projected at once
_PARTS = 8  # of a counted window, which sums are at least

_Key = tuple[int, str, str, float]  # window, version, modality, events that one stands for


class Ended(NamedTuple):
    """Sums of one window, and an instant in it or its end, before which all its events happened.

    The instant is None where windows count events.
    """

    before_us: int | None
    batches: tuple[EventBatch, ...]


@dataclass(slots=True)
class _Total:
    projection: Projection
    values: NDArray[np.int64]
    n: int = 0
    newest_us: int = 0  # of its events
    waiting: list[NDArray[np.generic]] = field(default_factory=list)
    rows: int = 0

    def add(self, vectors: NDArray[np.generic], newest_us: int) -> None:
        self.newest_us = max(self.newest_us, newest_us)
        self.waiting.append(vectors)
        self.rows += len(vectors)
        if self.rows >= TOGETHER:
            self.project()

    def project(self) -> None:
        """Vectors are held no longer than they must be."""
        if self.waiting:
            self.values += self.projection.sums(np.concatenate(self.waiting))
            self.n += self.rows
            self.waiting, self.rows = [], 0


class EmbeddingSums:
    """Sums that are being gathered; not thread-safe.

    ``counts`` are events that are in no sum: ``sum_too_small``, ``sum_late`` (their window was
    sent), ``sum_versions`` (more than ``MOST_OPEN`` sums were open), ``sum_other_width`` (vectors
    that the projection is not of: the model changed its embedding).
    """

    def __init__(self, projections: Mapping[str, Projection], windows: Windows) -> None:
        self.counts: Counter[str] = Counter()
        self._projections = projections
        self._names = {m: sum_name(m, one.hash) for m, one in projections.items()}  # draws now
        self._pane_us = windows.pane_us if windows.kind == "every" else None
        self._share = max(SMALLEST_SUM, (windows.events or 0) // _PARTS)
        self._open: dict[_Key, _Total] = {}
        self._sent_us = 0

    @property
    def modalities(self) -> frozenset[str]:
        """Whose vectors are wanted."""
        return frozenset(self._projections)

    def add(
        self,
        version: str,
        times: NDArray[np.int64],
        vectors: Mapping[str, NDArray[np.generic]],
        *,
        weight: float = 1.0,
    ) -> None:
        """Vectors of events, shape (n, coordinates) by modality, and when these happened, (n,).

        Each stands for ``weight`` events.
        """
        for modality, rows in vectors.items():
            if rows.shape[1] != len(self._projections[modality].scale):
                self.counts["sum_other_width"] += len(rows)
                continue
            usable = self._projections[modality].usable(rows)
            kept, when = rows[usable], times[usable]
            panes = when // self._pane_us if self._pane_us else when * 0
            for pane in np.unique(panes).tolist():
                own = panes == pane
                self._put((pane, version, modality, weight), kept[own], int(when[own].max()))

    def ended(self, before_us: int) -> Iterator[Ended]:
        """Sums of windows in time that are complete where all events before this instant are in.

        Oldest first.
        """
        pane_us = self._pane_us
        if pane_us is None:
            return
        over = before_us // pane_us
        for pane in sorted({key[0] for key in self._open if key[0] < over}):
            yield Ended((pane + 1) * pane_us, self._take(pane))
        self._sent_us = max(self._sent_us, over * pane_us)

    def next_end_us(self) -> int | None:
        """When the oldest open window in time is over; None where there is none."""
        if self._pane_us is None or not self._open:
            return None
        return (min(key[0] for key in self._open) + 1) * self._pane_us

    def rest(self) -> Iterator[Ended]:
        """All that is left, where nothing will come any more; windows may go on without."""
        for pane in sorted({key[0] for key in self._open}):
            newest_us = max(total.newest_us for key, total in self._open.items() if key[0] == pane)
            yield Ended(newest_us + 1 if self._pane_us else None, self._take(pane))

    def _put(self, key: _Key, vectors: NDArray[np.generic], newest_us: int) -> None:
        pane, _, modality, _ = key
        if self._pane_us and pane * self._pane_us < self._sent_us:
            self.counts["sum_late"] += len(vectors)
            return
        total = self._open.get(key)
        if total is None:
            if len(self._open) >= MOST_OPEN:
                self.counts["sum_versions"] += len(vectors)
                return
            projection = self._projections[modality]
            total = self._open[key] = _Total(projection, np.zeros(projection.size, dtype=np.int64))
        total.add(vectors, newest_us)

    def full(self) -> Iterator[Ended]:
        """Sums over a fair part of a counted window."""
        if self._pane_us is not None:
            return
        full = [
            key
            for key, total in self._open.items()
            if (n := total.n + total.rows) >= SMALLEST_SUM and n * key[3] >= self._share
        ]
        batches = tuple(self._batch(key) for key in full)
        if batches:
            yield Ended(None, batches)

    def _take(self, pane: int) -> tuple[EventBatch, ...]:
        batches = []
        for key in [key for key in self._open if key[0] == pane]:
            total = self._open[key]
            n = total.n + total.rows
            if n >= SMALLEST_SUM:
                batches.append(self._batch(key))
            else:
                del self._open[key]
                self.counts["sum_too_small"] += n
        return tuple(batches)

    def _batch(self, key: _Key) -> EventBatch:
        _, version, modality, weight = key
        total = self._open.pop(key)
        total.project()
        summed = BatchSum(total.values, total.n, weight)
        return EventBatch(version, 0, {}, {self._names[modality]: summed})
