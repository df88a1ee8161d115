"""What a version's series looked like over its last panes, far beyond the ladder.

A closed pane leaves a few numbers, one per series; they are followed by ``Track`` as they come and
written down in chunks of 64 panes: a full chunk is never written again, so a checkpoint writes one
small row a version. A history that was read back goes on exactly as if it had not been.
"""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from detectors.stats.rate_change import REACH, Track

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.points import Point
    from detectors.stats.rate_change import Change

CHUNK = 64  # panes
KEPT = -(-REACH // CHUNK)  # full chunks
STALE_US = 30 * 86_400_000_000  # without a pane: a version that comes back begins anew
_TYPE = "f"
_LARGEST = 3e38  # of a 4-byte float


@dataclass(slots=True)
class History:
    """The series of one version whose panes are all cut alike.

    ``cut`` says how panes are cut; points of another cut cannot be compared. ``chunks`` counts, by
    chunk number, the points of each series in it; ``panes`` those in the newest chunk.
    """

    cut: str
    heard_us: int = 0
    panes: int = 0
    tracks: dict[str, Track] = field(default_factory=dict)
    chunks: dict[int, dict[str, int]] = field(default_factory=dict)
    unwritten: int | None = None  # the first chunk that has changed since it was written
    deleted: list[int] = field(default_factory=list)

    def is_stale(self, now_us: int) -> bool:
        """Whether the version has been silent for so long that what it was says nothing."""
        return now_us - self.heard_us > STALE_US

    def extend(self, points: Mapping[str, Point], now_us: int) -> dict[str, Change]:
        """Take in the points of a pane that has closed; what each says of its series."""
        self.heard_us = now_us
        counts = self._chunk()
        self.panes += 1
        changes = {}
        for name, point in points.items():
            counts[name] = counts.get(name, 0) + 1
            track = self.tracks.setdefault(name, Track(_TYPE))
            value = min(max(point.value, -_LARGEST), _LARGEST)
            changes[name] = track.append(value, point.noise)
        return changes

    def changed_rows(self) -> dict[int, bytes]:
        """Blobs by chunk that changed since the last call; empty ones are gone."""
        rows = dict.fromkeys(self.deleted, b"")
        if self.unwritten is not None:
            changed = [number for number in self.chunks if number >= self.unwritten]
            rows |= {number: self._blob(number) for number in changed}
        self.unwritten, self.deleted = None, []
        return rows

    def clear(self) -> list[int]:
        """Forget everything; the numbers of the chunks that may have been written."""
        gone = [*self.deleted, *self.chunks]
        self.tracks, self.chunks, self.panes = {}, {}, 0
        self.unwritten, self.deleted = None, []
        return gone

    @classmethod
    def restored(cls, rows: Mapping[int, bytes]) -> Self:
        """The history that wrote ``rows``, at least one."""
        history = cls("")
        columns: dict[str, list[array[float]]] = {}
        for number in sorted(rows):
            history.cut, history.heard_us, history.panes, series = msgspec.msgpack.decode(
                rows[number]
            )
            history.chunks[number] = {name: n for name, (n, _) in series.items()}
            for name, (n, raw) in series.items():
                parts = np.frombuffer(raw, dtype="<f4").reshape(-1, n)
                whole = columns.setdefault(name, [])
                whole += [array(_TYPE) for _ in range(len(parts) - len(whole))]
                for column, part in zip(whole, parts, strict=True):
                    column.frombytes(part.astype("=f4").tobytes())
        history.tracks = {name: Track.of(whole) for name, whole in columns.items()}
        return history

    def _chunk(self) -> dict[str, int]:
        """The newest chunk, with room for a pane."""
        newest = max(self.chunks, default=-1)
        if newest < 0 or self.panes >= CHUNK:
            newest, self.panes = newest + 1, 0
            self.chunks[newest] = {}
            if len(self.chunks) > KEPT + 1:
                self._forget(min(self.chunks))
        self.unwritten = newest if self.unwritten is None else min(self.unwritten, newest)
        return self.chunks[newest]

    def _forget(self, number: int) -> None:
        for name, points in self.chunks.pop(number).items():
            self.tracks[name].forget(points)
            if not len(self.tracks[name]):
                del self.tracks[name]
        self.deleted.append(number)

    def _blob(self, number: int) -> bytes:
        """``[cut, heard, panes, {series: [points, columns of little-endian 4-byte floats]}]``."""
        behind: dict[str, int] = {}  # points of younger chunks
        for younger in (n for n in self.chunks if n > number):
            for name, points in self.chunks[younger].items():
                behind[name] = behind.get(name, 0) + points
        series = {}
        for name, points in self.chunks[number].items():
            end = len(self.tracks[name]) - behind.get(name, 0)
            parts = [column[end - points : end] for column in self.tracks[name].columns]
            series[name] = [points, b"".join(_little(part) for part in parts)]
        return msgspec.msgpack.encode([self.cut, self.heard_us, self.panes, series])


def _little(numbers: array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()
