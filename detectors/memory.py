"""All that is remembered of one component; what is done with it stands in the files beside."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detectors.history import History

if TYPE_CHECKING:
    from detectors.entries import Outcomes
    from detectors.era import Era, Spec
    from detectors.panes import PaneState
    from detectors.pending import Pending
    from detectors.sources import Arrival, Gap, Sources
    from detectors.stats.rate_change import Change
    from detectors.version_panes import VersionPanes

LOST = "lost."  # prefix of counts of lost events, by reason
GAP = "gap"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pane belongs."""

    era: Era
    panes: VersionPanes
    pane: PaneState


@dataclass(slots=True)
class Memory:
    """Eras oldest first (the newest takes events), sources, pending labels, counts, log time.

    ``places`` finds the pane of a slot; ``maturing`` is a heap of (log time, slot); ``numbers``
    the next count window of each version; ``unfinished`` gives, by (version, number, reference) of
    time windows that a change of the spec has cut, the revision of the rest; ``deleted`` names
    stored panes that are gone, ``deleted_chunks`` stored chunks of ``histories``, which are by
    version.
    """

    eras: list[Era]
    sources: Sources
    pending: Pending
    counts: Counter[str] = field(default_factory=Counter)
    log_time_us: int = 0
    places: dict[int, Place] = field(default_factory=dict)
    maturing: list[tuple[int, int]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    unfinished: dict[tuple[str, int, str], int] = field(default_factory=dict)
    deleted: list[tuple[str, int]] = field(default_factory=list)
    histories: dict[str, History] = field(default_factory=dict)
    deleted_chunks: list[tuple[str, int]] = field(default_factory=list)

    @property
    def era(self) -> Era:
        """The era that takes events."""
        return self.eras[-1]

    @property
    def spec(self) -> Spec:
        """The spec that acts now."""
        return self.era.spec

    def new_pane(self, panes: VersionPanes, number: int, time_us: int, now_us: int) -> PaneState:
        """A pane without a slot, whose findings begin after those of an unfinished one."""
        pane = self.era.new_pane(number, time_us, now_us)
        if self.era.by_time:
            name = (panes.version, number, self.spec.reference_id or "")
            pane.base_revision = self.unfinished.get(name, 0)
        return pane

    def leave_unfinished(self, panes: VersionPanes, pane: PaneState) -> None:
        """A change of the spec has closed a time window: the rest of it is a later revision."""
        said = [said.revision for said in pane.said.values()]
        name = (panes.version, pane.number, self.spec.reference_id or "")
        self.unfinished[name] = 1 + max([pane.base_revision, *said])

    def open_pane(self, panes: VersionPanes, number: int, time_us: int, now_us: int) -> PaneState:
        """The open pane of that number; a new one takes a slot."""
        pane = panes.open.get(number)
        if pane is None:
            pane = self.new_pane(panes, number, time_us, now_us)
            pane.slot = self.pending.open_slot()
            panes.open[number] = pane
            self.places[pane.slot] = Place(self.era, panes, pane)
        panes.note(number)
        return pane

    def count_pane(self, panes: VersionPanes, time_us: int, now_us: int) -> PaneState:
        """The one open count window of a version."""
        for pane in panes.open.values():
            return pane
        number = self.numbers.get(panes.version, 0)
        self.numbers[panes.version] = number + 1
        return self.open_pane(panes, number, time_us, now_us)

    def note_arrival(self, arrival: Arrival, now_us: int) -> None:
        """Count what a source says it lost, in the window that it is about."""
        self.counts["clock_skew_batches"] += arrival.skewed
        if arrival.recovered:
            self.counts[LOST + GAP] -= arrival.recovered
        for reason, n in arrival.lost.items():
            self.counts[LOST + reason] += n
            self.lose(arrival.version, reason, n, now_us)

    def note_gap(self, gap: Gap, number: int | None, now_us: int) -> None:
        """Count messages that never came in the window that closes."""
        self.counts["gap_batches"] += gap.messages
        self.counts[LOST + GAP] += gap.events
        if gap.events > 0:
            self.lose(gap.version, GAP, gap.events, now_us, number=number)

    def lose(
        self, version: str, reason: str, n: int, now_us: int, *, number: int | None = None
    ) -> None:
        """Count lost events in a window: that of ``number``, else the one that ``now_us`` is in."""
        era = self.era
        era.catch_up(self.sources, now_us)
        known = version if version in era.versions else self.spec.component.spec.model.version
        panes = era.panes_of(known)
        if era.by_time:
            at = now_us // era.pane_us if number is None else number
            pane = self.open_pane(panes, at, now_us, now_us)
        else:
            pane = self.count_pane(panes, now_us, now_us)
        pane.lose(reason, n)

    def follow(self, panes: VersionPanes, pane: PaneState, now_us: int) -> dict[str, Change]:
        """Put a closed pane into the history of its version; the rest of a cut one is no point."""
        if any(name[:2] == (panes.version, pane.number) for name in self.unfinished):
            return {}
        points = panes.points(pane)
        if not points and panes.version not in self.histories:
            return {}
        return self._history(panes.version, now_us).extend(points, now_us)

    def drop_history(self, version: str) -> None:
        """Forget the series of a version."""
        history = self.histories.pop(version, None)
        if history is not None:
            self.deleted_chunks += [(version, chunk) for chunk in history.clear()]

    def drop_stale(self) -> None:
        """Forget what would begin anew anyway."""
        for version, history in list(self.histories.items()):
            if history.is_stale(self.log_time_us):
                self.drop_history(version)

    def _history(self, version: str, now_us: int) -> History:
        cut = self.era.cut
        history = self.histories.get(version)
        if history is None or history.cut != cut or history.is_stale(now_us):
            self.drop_history(version)
            history = self.histories[version] = History(cut)
        return history

    def distribute(self, outcomes: Outcomes) -> None:
        """Put labelled events into the panes of their events."""
        for slot, rows in outcomes.by_slot():
            place = self.places.get(slot)
            if place is None or place.pane.final:
                continue
            place.panes.add_outcomes(place.pane, rows)
            if place.pane.closed and place.era.by_time and place.era.revise_us is None:
                every_us = place.era.spec.monitoring.windows.every_us
                place.era.revise_us = (self.log_time_us // every_us + 1) * every_us

    def await_labels(self, pane: PaneState) -> None:
        """Let a closed pane mature in time."""
        heapq.heappush(self.maturing, (pane.mature_us, pane.slot))

    def settle(self, pane: PaneState, now_us: int) -> None:
        """No label counts for this pane any more."""
        pane.final = True
        pane.outcomes_changed = True
        self.pending.mature(pane.slot, now_us)

    def forget(self, era: Era, panes: VersionPanes) -> None:
        """Let go of the panes that no verdict can read any more."""
        for pane in panes.forgettable(era.next_number(panes)):
            del self.places[pane.slot]
            self.deleted.append((panes.version, pane.slot))
        if era.ended and not any(v.closed for v in era.versions.values()):
            self.eras = [kept for kept in self.eras if kept is not era]
