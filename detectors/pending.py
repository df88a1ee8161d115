"""Events that wait for their labels, and labels that wait for their events.

A pane that can still meet labels has a *slot*: a number, given in log order over all versions of
the component. An entry is (key, slot, cell, score, weight, outcome): what the label's outcome will
be added as, where, and what it was if the label has come. When a slot matures its entries are as
good as gone.

Memory is bounded by ``limit`` entries (``labels.maxPending``): past it the keep probability halves
*by key*, so every id of a pane stays with the same probability 2^-level, and the weight of an
outcome pays for the ids that went (Horvitz and Thompson 1952, eq. 5.1). New panes come back one
level at a time while the table is three quarters empty.

Whatever is decided here depends on the order of calls only, never on when a buffer was flushed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.entries import Entries, Outcomes
from detectors.id_table import IdTable, last_of_each
from detectors.label_order import NO_LABEL, by_event
from detectors.number_cells import outcomes_of_numbers
from detectors.segments import WIDTHS, Segments, Step
from detectors.slots import Slots
from detectors.waiting import WaitingLabels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detectors.id_table import Keys, Places, Positions
    from detectors.label_order import Labels
    from detectors.segments import Columns

BUFFERED = 16_384  # entries inserted at once: the table is touched per batch, not per record
_SPARE_ROWS = 65_536  # rows in segments beyond twice the live ones before they are rewritten
_KEY_BITS = 64
_NEVER_US = 2**62


class Pending:
    """The join of events and labels of one component.

    Parameters
    ----------
    limit
        Most entries whose pane can still meet labels.
    wait_us
        How long a label waits for its event, on log time.
    """

    def __init__(self, limit: int, wait_us: int) -> None:
        self.counts: Counter[str] = Counter()
        self.level = 0
        self.of_numbers = False
        self._limit = limit
        columns = {n: width for n, width in WIDTHS[Step.INSERT].items() if n != "keys"}
        self._table = IdTable(columns, limit=limit)
        self._slots = Slots()
        self._buffer: list[Entries] = []
        self._buffered = 0
        self._waiting = WaitingLabels(limit // 8, wait_us)
        self._segments = Segments(wait_us)
        self._rewrite_due = False
        self._met: list[Outcomes] = []

    @property
    def live(self) -> int:
        """Entries that can still meet a label, those not yet inserted left out."""
        return self._slots.held

    @property
    def room(self) -> int:
        """Entries that may still be added before ids have to be sampled out."""
        return self._limit - self.live - self._buffered

    @property
    def keeps_all(self) -> bool:
        """Whether every id that is added is kept."""
        return not self.level and not self._slots.highest_level()

    @property
    def nbytes(self) -> int:
        """Bytes of the table of entries."""
        return self._table.nbytes

    @property
    def unsaved_bytes(self) -> int:
        """About how many bytes the next ``drain`` returns."""
        return self._segments.unsaved_bytes + 23 * self._buffered

    def limit_to(self, limit: int, wait_us: int) -> None:
        """Keep to other bounds from now on."""
        if limit != self._limit:
            self.settle()
            self._limit = limit
            self._table.limit_to(limit)
        self._waiting.wait_us = self._segments.wait_us = wait_us

    def read_as(self, *, of_numbers: bool) -> None:
        """Labels are numbers from now on, or outcomes again.

        What waits for the other kind meets no label any more.
        """
        if of_numbers == self.of_numbers:
            return
        self.settle()
        self.of_numbers = of_numbers
        self._waiting.expire(_NEVER_US)
        nothing = np.empty(0, dtype=np.int64)
        self._table.keep(nothing)
        self._slots.hold_only(nothing)
        self._rewrite_due = self._segments.rows > 0

    def open_slot(self) -> int:
        """A slot for a new pane; it takes the keep probability that holds now."""
        if self.level:
            self.settle()
            if self.live < self._limit // 4:
                self.level -= 1
        return self._slots.open(self.level)

    def mature(self, slot: int, now_us: int) -> None:
        """No label of this slot's events counts any more."""
        self.settle()
        self._slots.close(slot)
        self._segments.expire(self._slots.__contains__, now_us)

    def expires(self, now_us: int) -> bool:
        """Whether labels have waited long enough by then."""
        return self._waiting.expires(now_us)

    def expire(self, now_us: int) -> None:
        """Count the labels whose events did not come in time."""
        self._waiting.expire(now_us)

    def contains(self, keys: Keys) -> NDArray[np.bool_]:
        """Which keys belong to events that can still meet labels."""
        self.settle()
        slots, _ = self._find(keys)
        return self._slots.levels(slots) >= 0

    def add(self, entries: Entries) -> None:
        """Let events wait; of equal keys the newest stays, which is counted."""
        if self.live + self._buffered + len(entries.keys) > self._limit:
            # Only a record by itself is a place in the log at which halving may be decided.
            self.settle()
            self._insert(entries)
            return
        self._buffer.append(entries)
        self._buffered += len(entries.keys)
        if self._buffered >= BUFFERED or self._waiting:
            self.settle()

    def join(
        self, keys: Keys, labels: NDArray[np.int32], supersedes: NDArray[np.bool_], now_us: int
    ) -> None:
        """Join labels (0 or 1, or ``number_labels``) with their events; ``met`` gives the outcomes.

        The first label of an event wins; one that supersedes takes it back. A label whose event
        has not come, or can meet no label any more, waits.
        """
        self.settle()
        said = by_event(keys, labels, supersedes)
        slots, places = self._find(said.keys)
        live = self._slots.levels(slots) >= 0
        self._label(said.take(live), places[live])
        self._wait(said.take(~live), now_us)

    def met(self) -> list[Outcomes]:
        """Outcomes since the last call."""
        met, self._met = self._met, []
        return met

    def settle(self) -> None:
        """Insert what is buffered, so that counts and outcomes are complete."""
        if not self._buffer:
            return
        parts, self._buffer, self._buffered = self._buffer, [], 0
        columns = (np.concatenate([getattr(p, name) for p in parts]) for name in Entries.__slots__)
        self._insert(Entries(*columns))

    def drain(self) -> dict[int, bytes]:
        """Segments that changed since the last call by number; empty bytes delete one."""
        self.settle()
        useful = self.live + len(self._waiting)
        if self._rewrite_due or self._segments.rows > 2 * useful + _SPARE_ROWS:
            self._segments.replace(self._rewritten())
            self._rewrite_due = False
        return self._segments.drain()

    def state(self) -> dict[str, Any]:
        """What is small: for the register, read back by ``restore``."""
        self.settle()
        small = {"level": self.level, "of_numbers": self.of_numbers}
        return small | {"slots": self._slots.state(), "counts": dict(self.tally())}

    def tally(self) -> Counter[str]:
        """Every count so far, by name."""
        self.settle()
        return self.counts + self._waiting.counts

    def restore(self, state: Mapping[str, Any], blobs: Mapping[int, bytes], now_us: int) -> None:
        """Rebuild an empty object from ``state`` and the stored segments."""
        self.level, self.of_numbers = state["level"], state["of_numbers"]
        self._slots.restore(state["slots"])
        for step, columns in self._segments.load(blobs):
            self._redo(step, columns)
        self._waiting.expire(now_us)
        self._forget_matured()
        self._slots.hold_only(self._live_slots(self._table.occupied()))
        self.counts, self._waiting.counts = Counter(state["counts"]), Counter()

    def _insert(self, entries: Entries) -> None:
        entries = self._newest(self._sampled(entries))
        self._reserve(len(entries.keys))
        places, slots, known = self._known(entries.keys)
        while self.live + int((~known).sum()) > self._limit:
            self._halve()
            entries = self._sampled(entries)
            places, slots, known = self._known(entries.keys)
        self.counts["ids_reused"] += int(known.sum())
        self._slots.hold(slots[known], -1)
        self._store(entries, places)

    def _newest(self, entries: Entries) -> Entries:
        """Of equal keys within one insertion only the last."""
        newest = last_of_each(entries.keys)
        if len(newest) == len(entries.keys):
            return entries
        self.counts["ids_reused"] += len(entries.keys) - len(newest)
        return entries.take(newest)

    def _known(self, keys: Keys) -> tuple[Places, NDArray[np.int32], NDArray[np.bool_]]:
        """Where keys are or would be, the slots of their entries, and which of these are open."""
        places = self._table.locate(keys)
        slots = self._slots_at(places)
        return places, slots, self._slots.levels(slots) >= 0

    def _sampled(self, entries: Entries) -> Entries:
        """What stays under the keep probability of its slot; what goes is counted."""
        kept = _below(entries.keys, self._slots.levels(entries.slots))
        if kept.all():
            return entries
        self.counts["ids_sampled_out"] += int((~kept).sum())
        gone = np.unique(entries.keys[~kept])
        waited = gone[self._waiting.take(gone) != NO_LABEL]
        self.counts["labels_sampled_out"] += len(waited)
        self._segments.append(Step.FORGET, {"keys": waited})
        return entries.take(kept)

    def _halve(self) -> None:
        self.level += 1
        self._slots.raise_to(self.level)
        places = self._table.occupied()
        levels = self._slots.levels(self._table.columns["slots"][places])
        self._table.keep(places[(levels >= 0) & _below(self._table.keys[places], levels)])
        self._slots.hold_only(self._live_slots(self._table.occupied()))
        self._rewrite_due = True

    def _store(self, entries: Entries, places: Places) -> None:
        labels = self._waiting.take(entries.keys)
        labelled = np.flatnonzero(labels != NO_LABEL)
        outcomes = np.full(len(labels), NO_LABEL, dtype=np.int32)
        outcomes[labelled] = self._outcomes(entries.cells[labelled], labels[labelled])
        columns: Columns = {
            "slots": entries.slots,
            "cells": entries.cells,
            "scores": entries.scores,
            "weights": entries.weights,
            "labels": _stored(outcomes),
        }
        self._table.put(entries.keys, columns, places)
        self._slots.hold(entries.slots)
        self._segments.append(Step.INSERT, {"keys": entries.keys, **columns})
        self.counts["labels_joined"] += len(labelled)
        self._meet(entries.take(labelled), outcomes[labelled], sign=1)

    def _label(self, said: Labels, places: Positions) -> None:
        """Give entries that are there their labels."""
        columns = self._table.columns
        cells = columns["cells"][places]
        before = columns["labels"][places].astype(np.int32) - 1
        said = said.coded(lambda labels: self._outcomes(cells, labels))
        after = said.final(before)
        self.counts["labels_repeated"] += said.repeated(before)
        self.counts["labels_corrected"] += said.corrected(before)
        self.counts["labels_joined"] += int((before == NO_LABEL).sum())
        columns["labels"][places] = _stored(after)
        entries = Entries(
            said.keys,
            columns["slots"][places],
            cells,
            columns["scores"][places],
            columns["weights"][places],
        )
        changed = before != after
        back = changed & (before != NO_LABEL)
        self._meet(entries.take(back), before[back], sign=-1)
        self._meet(entries.take(changed), after[changed], sign=1)
        step: Columns = {"keys": said.keys, "slots": entries.slots, "labels": _stored(after)}
        self._segments.append(Step.JOIN, {name: array[changed] for name, array in step.items()})

    def _wait(self, said: Labels, now_us: int) -> None:
        """Let labels wait for events that have not come."""
        if not len(said.keys):
            return
        before = self._waiting.held(said.keys)
        labels = said.final(before)
        self.counts["labels_repeated"] += said.repeated(before)
        self.counts["labels_corrected"] += said.corrected(before)
        sampled = ~_below(said.keys, np.int8(self._slots.highest_level()))
        self._waiting.put(said.keys, labels, sampled, now_us)
        at = np.full(len(labels), now_us)
        step: Columns = {"keys": said.keys, "labels": labels, "sampled": sampled, "at_us": at}
        self._segments.append(Step.WAIT, {n: array[before != labels] for n, array in step.items()})

    def _outcomes(self, cells: NDArray[np.uint32], labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """What a label makes of an event: below 2^16 - 1."""
        return outcomes_of_numbers(cells, labels) if self.of_numbers else labels

    def _meet(self, entries: Entries, labels: NDArray[np.int32], *, sign: int) -> None:
        if not len(labels):
            return
        levels = self._slots.levels(entries.slots)
        weights = entries.weights.astype(np.float64) * np.exp2(levels.astype(np.float64))
        signs = np.full(len(labels), sign, dtype=np.int8)
        self._met.append(
            Outcomes(entries.slots, entries.cells, entries.scores, weights, labels, signs)
        )

    def _find(self, keys: Keys) -> tuple[NDArray[np.int32], Positions]:
        """Slot of each key's entry (-1 where there is none) and its place, if there is one."""
        places, there = self._table.locate(keys)
        return self._slots_at((places, there)), places

    def _slots_at(self, places: Places) -> NDArray[np.int32]:
        """Slots of the entries that are there, -1 for the others."""
        at, there = places
        slots: NDArray[np.int32] = np.where(there, self._table.columns["slots"][at], np.int32(-1))
        return slots

    def _live_slots(self, places: Positions) -> NDArray[np.int32]:
        slots: NDArray[np.int32] = self._table.columns["slots"][places]
        return slots[self._slots.levels(slots) >= 0]

    def _reserve(self, entries: int) -> None:
        """Drop what has matured rather than grow for it."""
        crowded = entries > self._table.room
        if crowded and (self._table.at_limit or self.live < 0.75 * self._table.size):
            self._forget_matured()

    def _forget_matured(self) -> None:
        places = self._table.occupied()
        slots = self._table.columns["slots"][places]
        self._table.keep(places[self._slots.levels(slots) >= 0])

    def _rewritten(self) -> list[tuple[Step, Columns]]:
        places = self._table.occupied()
        live = self._slots.levels(self._table.columns["slots"][places]) >= 0
        columns = {name: column[places[live]] for name, column in self._table.columns.items()}
        columns["keys"] = self._table.keys[places[live]]
        return [(Step.INSERT, columns), (Step.WAIT, self._waiting.rows())]

    def _redo(self, step: Step, columns: Columns) -> None:
        if step is Step.WAIT:
            self._waiting.redo(columns)
        elif step is Step.FORGET:
            self._waiting.take(np.unique(columns["keys"]))
        elif step is Step.JOIN:
            slots, places = self._find(columns["keys"])
            same = (slots == columns["slots"]) & (self._slots.levels(slots) >= 0)
            self._table.columns["labels"][places[same]] = columns["labels"][same]
        else:
            # Also what has matured since: it may have taken the place of an older entry.
            newest = last_of_each(columns["keys"])
            rows = {name: array[newest] for name, array in columns.items()}
            keys = rows.pop("keys")
            self._waiting.take(keys)
            self._table.put(keys, rows)


def _stored(outcomes: NDArray[np.int32]) -> NDArray[np.uint16]:
    """As a column holds them: 0 = no label."""
    return (outcomes + 1).astype(np.uint16)


def _below(keys: Keys, levels: NDArray[np.int8] | np.int8) -> NDArray[np.bool_]:
    """Which keys belong to the share 2^-level that is kept."""
    shift = np.asarray(_KEY_BITS - np.maximum(levels, 1), dtype=np.uint64)
    return np.asarray((levels <= 0) | (keys >> shift == 0))
