"""The panes of one version under one spec: what is added to them and what is read from them."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.base import Pane, WindowView
from detectors.coalesce import coalesce
from detectors.number_cells import error_batch, prediction_cells
from detectors.outcome_cells import OutcomeCells, outcome_batch
from detectors.panes import UNUSABLE
from detectors.points import Point, PointSource
from detectors.rollout import Rollout
from governance.algebra.sums import merge, subtract
from governance.clock import format_instant
from governance.errors import PermanentError
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from detectors.base import Detector
    from detectors.entries import Outcomes
    from detectors.panes import PaneState
    from detectors.stats.rate_change import Change
    from detectors.vocabulary import Vocabulary
    from governance.algebra.sums import Sums
    from governance.event import BatchSum

JUDGE_FAULTS = "judge_faults"  # counted: windows that a detector could not judge
LONGEST_LADDER = 64  # windows that a verdict may look at
ADDED_AT_ONCE = 8_192  # events; fewer wait in memory until a pane is read or written
_FAULTS = (PermanentError, ValueError, LookupError, TypeError, ArithmeticError)
_log = logging.getLogger("evenhand.detectors")


@dataclass(slots=True)
class VersionPanes:
    """One version's open and closed panes, oldest first, and the names behind their codes.

    ``label_based`` marks the detectors that read outcomes. ``first`` is the number of the first
    pane, ``since`` that of the first since the version was last retired. ``heard_us`` is the log
    time of the newest event; ``dirty`` numbers the closed panes that got labels since they were
    judged. ``unit`` panes make one window, so the longest ladder takes ``unit`` times 64 panes.
    """

    version: str
    detectors: tuple[Detector, ...]
    label_based: tuple[bool, ...]
    vocabulary: Vocabulary
    cells: OutcomeCells
    counts: Counter[str]
    of_numbers: bool = False
    unit: int = 1
    first: int | None = None
    since: int | None = None
    heard_us: int = 0
    open: dict[int, PaneState] = field(default_factory=dict)
    closed: dict[int, PaneState] = field(default_factory=dict)
    dirty: set[int] = field(default_factory=set)
    rollout: Rollout = field(default_factory=Rollout)

    @property
    def joins_labels(self) -> bool:
        """Whether any detector reads outcomes."""
        return any(self.label_based)

    def began(self, number: int) -> bool:
        """Whether the version had come (again) by window ``number``."""
        return self.since is not None and self.since <= number

    def hear(self, now_us: int, retire_us: int) -> None:
        """An event came; what lies between it and the version's retirement is not judged."""
        if now_us >= self.heard_us + retire_us:
            self.since = None
        self.heard_us = now_us

    def note(self, number: int) -> None:
        """The version has something in window ``number``."""
        self.first = number if self.first is None else min(self.first, number)
        self.since = number if self.since is None else min(self.since, number)

    def knows_groups(self, batch: EventBatch) -> bool:
        """Whether the group codes of a batch are the same whatever comes with it."""
        vocabulary, columns = self.vocabulary, batch.columns
        return all(vocabulary.knows(a, columns.get(f"group.{a}")) for a in vocabulary.attributes)

    def coded(self, batch: EventBatch) -> EventBatch:
        """The batch as detectors read it: stable group codes, no ids."""
        columns = {
            name: column
            for name, column in batch.columns.items()
            if name != "event_id" and not name.startswith("group.")
        }
        for attribute in self.vocabulary.attributes:
            name = f"group.{attribute}"
            columns[name] = Column(
                self.vocabulary.codes(attribute, batch.columns.get(name), batch.n)
            )
        return EventBatch(batch.version, batch.n, columns, vectors=batch.vectors)

    def encoded(self, coded: EventBatch) -> NDArray[np.uint32]:
        """One cell per event of a coded batch, for the label join."""
        if self.of_numbers:
            return prediction_cells(coded.columns.get("prediction"), coded.n)
        codes = [coded.columns[f"group.{a}"].values for a in self.vocabulary.attributes]
        return self.cells.encode(codes, coded.columns["favourable"].values.astype(np.int32))

    def add(self, pane: PaneState, coded: EventBatch) -> None:
        """Count events in a pane that is open."""
        pane.events += coded.n
        pane.waiting.append(coded)
        pane.sums_changed = True
        if pane.waiting_events >= ADDED_AT_ONCE:
            self.add_up(pane)

    def add_sums(self, pane: PaneState, sums: Mapping[str, BatchSum]) -> None:
        """Add what a collector has summed up over events of a pane that is open."""
        batch = EventBatch(self.version, 0, {}, sums)
        pane.sums = merge([pane.sums, *(detector.add(batch) for detector in self.detectors)])
        pane.sums_changed = True

    def add_outcomes(self, pane: PaneState, rows: Outcomes) -> None:
        """Count labelled events in a pane that can still meet labels."""
        pane.labelled.append(rows)
        pane.outcomes_changed = True
        if pane.closed:
            pane.dirty = True
            self.dirty.add(pane.number)

    def add_up(self, pane: PaneState) -> None:
        """Add up what waits, so that the pane's sums and outcomes are complete."""
        waiting, pane.waiting = pane.waiting, []
        for batch in coalesce(waiting):
            pane.sums = merge([pane.sums, *self._sums(pane, batch)])
        labelled, pane.labelled = pane.labelled, []
        if labelled:
            self._add_up_outcomes(pane, labelled)

    def points(self, pane: PaneState) -> dict[str, Point]:
        """What a closed pane says of the series that detectors follow over time."""
        seen, points = pane.view(), dict[str, Point]()
        for detector in self.detectors:
            if isinstance(detector, PointSource):
                try:
                    points |= detector.points(seen)
                except _FAULTS:
                    name = type(detector).__name__
                    _log.exception("%s has no points of window %d", name, pane.number)
                    self.counts[JUDGE_FAULTS] += 1
        return {name: point for name, point in points.items() if math.isfinite(point.value)}

    def judge(
        self, pane: PaneState, now_us: int, changes: Mapping[str, Change]
    ) -> list[tuple[bool, Verdict]]:
        """Verdicts on a closed pane; True marks those of detectors that read outcomes."""
        view = replace(self.view(pane, now_us), changes=changes)
        return [
            (label_based, verdict)
            for detector, label_based in zip(self.detectors, self.label_based, strict=True)
            for verdict in self._verdicts(detector, view)
        ]

    def judge_labels(self, pane: PaneState, now_us: int) -> list[Verdict]:
        """Verdicts of the detectors that read outcomes."""
        view = self.view(pane, now_us)
        marked = zip(self.detectors, self.label_based, strict=True)
        return [v for d, label_based in marked if label_based for v in self._verdicts(d, view)]

    def _verdicts(self, detector: Detector, view: WindowView) -> list[Verdict]:
        """What a detector says; its fault is said, and stops neither the window nor the worker.

        The same log would bring every worker to the same fault.
        """
        try:
            return detector.judge(view)
        except _FAULTS as fault:
            name = type(detector).__name__
            _log.exception("%s cannot judge window %d", name, view.panes[-1].number)
            self.counts[JUDGE_FAULTS] += 1
            reason = f"detector_failed: {type(fault).__name__}; its log has the place, report it"
            return [
                Verdict(check="detector", subject=name, status=Status.INSUFFICIENT, reason=reason)
            ]

    def view(self, pane: PaneState, now_us: int) -> WindowView:
        """The pane and those before it; numbers without a pane are empty ones."""
        first = pane.number if self.first is None else self.first
        start = max(min(first, pane.number), pane.number - self._reach)
        panes = [self._pane_at(number, pane) for number in range(start, pane.number)]
        mature = not pane.events or now_us >= pane.mature_us
        is_newest = pane.number >= max(self.closed, default=pane.number)
        return WindowView(
            [*panes, pane.view()],
            self.vocabulary.names,
            labels_mature=mature,
            provisional_until="" if mature else format_instant(pane.mature_us),
            since_rollout=self.rollout.view() if is_newest else None,
        )

    def forgettable(self, next_number: int) -> list[PaneState]:
        """Take out the closed panes that no verdict can read any more."""
        unsettled = (n for n, pane in self.closed.items() if not pane.final)
        oldest = min(next(unsettled, next_number), next_number) - self._reach
        gone = []
        for number in list(self.closed):
            if number >= oldest:
                break
            gone.append(self.closed.pop(number))
        return gone

    @property
    def _reach(self) -> int:
        """Panes before the newest that a verdict may look at."""
        return self.unit * LONGEST_LADDER - 1

    def _pane_at(self, number: int, newest: PaneState) -> Pane:
        pane = self.closed.get(number)
        if pane is not None:
            self.add_up(pane)
            return pane.view()
        length = newest.end_us - newest.start_us
        start_us = newest.start_us - (newest.number - number) * length
        return Pane(number, start_us, start_us + length, 0, {})

    def _sums(self, pane: PaneState, batch: EventBatch) -> list[Sums]:
        try:
            return [detector.add(batch) for detector in self.detectors]
        except _FAULTS as error:
            if batch.n == 1:
                # The event cannot be counted: it is lost here, and says so, but blocks nothing.
                _log.warning("an event of version %s is unusable: %r", self.version, error)
                pane.lose(UNUSABLE, 1)
                self.counts[f"lost.{UNUSABLE}"] += 1
                self.counts["events"] -= 1
                return []
        half = batch.n // 2
        rows = np.arange(batch.n)
        parts = (batch.take(rows[:half]), batch.take(rows[half:]))
        return [sums for part in parts for sums in self._sums(pane, part)]

    def _add_up_outcomes(self, pane: PaneState, labelled: Sequence[Any]) -> None:
        signs = np.concatenate([rows.signs for rows in labelled])
        for sign, combine in ((1, _plus), (-1, subtract)):
            chosen = [_batch(self, labelled, signs == sign)] if (signs == sign).any() else []
            for batch in chosen:
                added = merge([d.add_outcomes(batch) for d in self.detectors])
                pane.change_outcomes(partial(combine, right=added))


def probe(attributes: Iterable[str]) -> EventBatch:
    """One labelled event, by which a detector shows whether it reads outcomes."""
    one = np.ones(1)
    columns = {
        "favourable": Column(one.astype(np.int8)),
        "label": Column(one.astype(np.int8)),
        "score": Column(one / 2),
        "error": Column(one),
        "weight": Column(one),
        **{f"group.{attribute}": Column(np.zeros(1, np.int8)) for attribute in attributes},
    }
    return EventBatch("", 1, columns)


def _plus(left: Sums, right: Sums) -> Sums:
    return merge([left, right])


def _batch(panes: VersionPanes, labelled: Sequence[Any], rows: NDArray[np.bool_]) -> EventBatch:
    def all_of(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in labelled])[rows]

    if panes.of_numbers:
        return error_batch(panes.version, all_of("labels"), all_of("weights"))
    cells = panes.cells.decode(all_of("cells"))
    return outcome_batch(
        panes.version, cells, all_of("scores"), all_of("labels"), all_of("weights")
    )
