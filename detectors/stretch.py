"""Messages of events that open and close nothing: they are counted at once, as if one by one.

What makes counting dear is numpy's price per call, paid for every column of every message. While
nothing happens between messages but that log time moves and sources say how far they are, their
events can be counted together. A stretch ends before whatever else there is: a window that
closes, opens or fills, events that are late or of the future, a source whose clock is off or that
lost something, ids that have to be sampled out. Such a message is taken by itself.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from detectors.sources import SKEW_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.intake import Intake
    from detectors.memory import Memory
    from detectors.panes import PaneState
    from detectors.version_panes import VersionPanes
    from governance.event import EventBatch


class Stretch:
    """A cursor over messages that were read as one batch, and the stretch that ends at it.

    Parameters
    ----------
    memory, intake
        Of the component.
    batch
        Events of all messages, of one version that is known already.
    sizes
        How many of them each message has.
    """

    def __init__(
        self, memory: Memory, intake: Intake, batch: EventBatch, sizes: Sequence[int]
    ) -> None:
        self._memory = memory
        self._intake = intake
        self._batch = batch
        self._ends = list(accumulate(sizes))
        starts, times = [0, *self._ends[:-1]], batch.columns["time"].values
        self._first_us: list[int] = np.minimum.reduceat(times, starts).tolist()
        self._last_us: list[int] = np.maximum.reduceat(times, starts).tolist()
        self._at = self._from = 0  # the message at the cursor; the first of the stretch
        self._heard_us: list[int] = []  # log time of each message of the stretch
        self._pane: PaneState | None = None  # that all of the stretch lies in
        self._numbered = True
        self._room = 0

    def __bool__(self) -> bool:
        return bool(self._heard_us)

    def takes(self, now_us: int, *, numbered: bool) -> bool:
        """Whether the message at the cursor, of that log time, changes nothing but counts."""
        pending = self._memory.pending
        if not self:
            self._numbered, self._pane, self._room = numbered, self._pane_here(0), pending.room
        waiting = self._rows_before(self._at) - self._rows_before(self._from)
        return (
            numbered == self._numbered
            and (numbered or pending.keeps_all)
            and self._last_us[self._at] <= now_us + SKEW_US
            and self._pane is not None
            and self._pane is self._pane_here(waiting)
            and waiting + self._size_here <= self._room
        )

    def take(self, now_us: int) -> None:
        """Let the message at the cursor belong to the stretch."""
        self._heard_us.append(now_us)
        self._at += 1

    def skip(self) -> EventBatch:
        """The message at the cursor, which is taken by itself; the stretch has been counted."""
        batch = self._rows(self._at, self._at + 1)
        self._at += 1
        self._from = self._at
        return batch

    def count(self, panes: VersionPanes) -> None:
        """Count the stretch, and begin the next one."""
        if self._pane is None or not self:
            return
        batch = self._rows(self._from, self._at)
        ends = [end - self._rows_before(self._from) for end in self._ends[self._from : self._at]]
        heard = list(zip(ends, self._heard_us, strict=True))
        self._intake.count_stretch((panes, self._pane), batch, heard, numbered=self._numbered)
        self._heard_us = []
        self._from = self._at

    @property
    def _size_here(self) -> int:
        return self._ends[self._at] - self._rows_before(self._at)

    def _rows_before(self, message: int) -> int:
        return self._ends[message - 1] if message else 0

    def _rows(self, first: int, last: int) -> EventBatch:
        return self._batch.take(slice(self._rows_before(first), self._rows_before(last)))

    def _pane_here(self, waiting: int) -> PaneState | None:
        """The open pane that takes the whole message and stays open; ``waiting`` go in before."""
        era = self._memory.era
        is_open = era.versions[self._batch.version].open
        first_us, last_us = self._first_us[self._at], self._last_us[self._at]
        if era.by_time:
            number, bound = first_us // era.pane_us, era.late_before_us
            late = bound is not None and first_us < bound
            return is_open.get(number) if number == last_us // era.pane_us and not late else None
        size = era.spec.monitoring.windows.events or 1
        pane = next(iter(is_open.values()), None)
        fills = pane is None or pane.events + waiting + self._size_here >= size
        return None if fills else pane
