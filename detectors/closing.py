"""When windows close, when late labels are judged, when a window has had all its labels.

Everything here is due at an instant of log time that follows from the log alone. What is due is
done in the order of these instants, so it makes no difference whether log time moves in many small
steps or in one.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from detectors.era import NEVER_US
from detectors.revisions import Author, first_findings, revised_findings
from detectors.sources import GRACE_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detectors.era import Era, Spec
    from detectors.memory import Memory
    from detectors.panes import PaneState
    from detectors.version_panes import VersionPanes
    from governance.finding import Finding

    Timer = tuple[int, int, Callable[[int], list[Finding]]]  # due, rank, what is done then


class Closing:
    """Closes, judges and revises the panes of one component."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._over = False  # the log has ended: no window closes any more

    def not_before_us(self) -> int:
        """A log time before which nothing is due unless a record of this component comes."""
        memory, era = self._memory, self._memory.era
        bounds = [due for due, _ in memory.maturing[:1]]
        bounds += [e.revise_us for e in memory.eras if e.revise_us is not None]
        if self._over:
            return min(bounds, default=NEVER_US)
        if era.by_time:
            if era.closed_us is not None:
                end_us = era.closed_us + era.pane_us
                due = end_us + min(GRACE_US, memory.sources.lateness_us)
                bounds.append(due if due < era.active_until_us else NEVER_US)
        else:
            bounds += [due for due, _, _ in self._count_timers(era)]
        return min(bounds, default=NEVER_US)

    def is_due(self, log_time_us: int) -> bool:
        """Whether ``settle`` would do anything."""
        return any(due <= log_time_us for due, _, _ in self._timers(log_time_us))

    def settle(self, log_time_us: int) -> list[Finding]:
        """Do all that is due at ``log_time_us``."""
        findings: list[Finding] = []
        memory = self._memory
        while True:
            timer = min(self._timers(log_time_us), key=lambda t: t[:2], default=None)
            if timer is None or timer[0] > log_time_us:
                break
            memory.log_time_us = max(memory.log_time_us, timer[0])
            findings += timer[2](memory.log_time_us)
        memory.log_time_us = max(memory.log_time_us, log_time_us)
        return findings

    def close_full(self, panes: VersionPanes, pane: PaneState, now_us: int) -> list[Finding]:
        """Close a count window that has all its events."""
        return self._close_count(panes, pane, now_us, partial=False)

    def end_era(self, spec: Spec) -> list[Finding]:
        """Close what is open as partial and let ``spec`` begin."""
        memory, era, now_us = self._memory, self._memory.era, self._memory.log_time_us
        for gap in memory.sources.write_off(now_us):
            memory.note_gap(gap, None, now_us)
        unfinished = [(v, pane) for v in era.versions.values() for pane in v.open.values()]
        findings = self._close_open(now_us)
        for panes, pane in unfinished if era.by_time else ():
            memory.leave_unfinished(panes, pane)
            if not pane.final:
                memory.settle(pane, now_us)
        memory.eras.append(era.hand_over(spec))
        for panes in list(era.versions.values()):
            memory.forget(era, panes)
        return findings

    def finish(self) -> list[Finding]:
        """The log has ended: close everything and let all windows mature."""
        memory, era = self._memory, self._memory.era
        memory.sources.all_bye()
        now_us = memory.log_time_us
        findings: list[Finding] = []
        if era.by_time and era.closed_us is not None:
            while era.closed_us + era.pane_us <= now_us < era.active_until_us:
                findings += self._close_time(now_us)
        for gap in memory.sources.write_off(now_us):
            memory.note_gap(gap, None, now_us)
        findings += self._close_open(now_us)
        self._over = True
        panes = (place.pane for place in memory.places.values())
        last_us = max((pane.mature_us for pane in panes if not pane.final), default=now_us)
        findings += self.settle(max(now_us, last_us))
        memory.pending.expire(NEVER_US)
        return findings

    def _timers(self, log_time_us: int) -> Iterator[Timer]:
        memory, era = self._memory, self._memory.era
        if not self._over:
            if era.by_time:
                yield from self._time_timers(era, log_time_us)
            else:
                yield from self._count_timers(era)
        if memory.maturing:
            yield memory.maturing[0][0], 2, self._mature
        for each in memory.eras:
            if each.revise_us is not None:
                yield each.revise_us, 3, lambda now, era=each: self._revise(era, now)  # type: ignore[misc]

    def _time_timers(self, era: Era, log_time_us: int) -> Iterator[Timer]:
        if era.closed_us is None:
            return
        end_us = era.closed_us + era.pane_us
        sources = self._memory.sources
        if not sources.not_due(end_us, log_time_us):
            due = sources.due_us(end_us)
            if due < era.active_until_us:
                yield due, 0, self._close_time

    def _count_timers(self, era: Era) -> Iterator[Timer]:
        max_age = era.spec.monitoring.windows.max_age
        retire_us = era.spec.monitoring.retire_after
        for panes in era.versions.values():
            for pane in panes.open.values():
                due = panes.heard_us + retire_us
                if max_age is not None:
                    due = min(due, pane.opened_us + max_age)
                yield (
                    due,
                    1,
                    lambda now, v=panes, p=pane: self._close_count(  # type: ignore[misc]
                        v, p, now, partial=True
                    ),
                )

    def _close_time(self, now_us: int) -> list[Finding]:
        """Close the oldest open time window, in every version that has or had events."""
        memory, era = self._memory, self._memory.era
        end_us = (era.closed_us or 0) + era.pane_us
        number = end_us // era.pane_us - 1
        for gap in memory.sources.write_off(now_us):
            memory.note_gap(gap, number, now_us)
        findings: list[Finding] = []
        retire_us = era.spec.monitoring.retire_after
        era.closed_us = end_us
        for panes in era.versions.values():
            if number in panes.open:
                findings += self._close(panes, panes.open[number], now_us, partial=False)
            elif panes.began(number) and now_us < panes.heard_us + retire_us:
                findings += self._judge_empty(panes, number, now_us)
        return findings

    def _close_count(
        self, panes: VersionPanes, pane: PaneState, now_us: int, *, partial: bool
    ) -> list[Finding]:
        memory = self._memory
        for gap in memory.sources.write_off(now_us, version=panes.version, grace_us=GRACE_US):
            memory.note_gap(gap, None, now_us)
        findings = self._revise_panes(memory.era, panes, now_us)
        return findings + self._close(panes, pane, now_us, partial=partial)

    def _close_open(self, now_us: int) -> list[Finding]:
        """Close every open pane as partial, oldest first."""
        era = self._memory.era
        findings: list[Finding] = []
        for number in sorted({number for v in era.versions.values() for number in v.open}):
            for panes in era.versions.values():
                if number not in panes.open:
                    continue
                if not era.by_time:
                    findings += self._revise_panes(era, panes, now_us)
                findings += self._close(panes, panes.open[number], now_us, partial=True)
        return findings

    def _close(
        self, panes: VersionPanes, pane: PaneState, now_us: int, *, partial: bool
    ) -> list[Finding]:
        memory, era = self._memory, self._memory.era
        bounds = era.spec.monitoring
        last_us = pane.end_us if era.by_time else pane.heard_us
        mature_us = (
            last_us + bounds.label_horizon if panes.joins_labels else now_us + bounds.lateness
        )
        panes.add_up(pane)
        panes.rollout.close(pane)
        if mature_us <= now_us:
            panes.rollout.ripen(pane)
        pane.close(partial=partial, mature_us=mature_us)
        panes.closed[pane.number] = panes.open.pop(pane.number)
        author = Author(era.spec, panes.version)
        changes = {} if partial else memory.follow(panes, pane, now_us)
        findings = first_findings(author, pane, panes.judge(pane, now_us, changes))
        if mature_us <= now_us:
            memory.settle(pane, now_us)
        else:
            memory.await_labels(pane)
        memory.forget(era, panes)
        return findings

    def _judge_empty(self, panes: VersionPanes, number: int, now_us: int) -> list[Finding]:
        era = self._memory.era
        pane = self._memory.new_pane(panes, number, 0, now_us)
        pane.close(partial=False, mature_us=now_us)
        changes = self._memory.follow(panes, pane, now_us)
        verdicts = panes.judge(pane, now_us, changes)
        self._memory.forget(era, panes)
        return first_findings(Author(era.spec, panes.version), pane, verdicts)

    def _mature(self, now_us: int) -> list[Finding]:
        """Judge a window for the last time: it has had all its labels."""
        memory = self._memory
        _, slot = heapq.heappop(memory.maturing)
        place = memory.places.get(slot)
        if place is None or place.pane.final:
            return []
        panes, pane = place.panes, place.pane
        findings: list[Finding] = []
        panes.add_up(pane)
        panes.rollout.ripen(pane)
        if panes.joins_labels and pane.events:
            author = Author(place.era.spec, panes.version)
            verdicts = panes.judge_labels(pane, now_us)
            findings = revised_findings(author, pane, verdicts, last=True)
        self._clean(panes, pane)
        memory.settle(pane, now_us)
        memory.forget(place.era, panes)
        return findings

    def _revise(self, era: Era, now_us: int) -> list[Finding]:
        """Judge the windows again that got labels since."""
        era.revise_us = None
        return [
            finding
            for panes in era.versions.values()
            for finding in self._revise_panes(era, panes, now_us)
        ]

    def _revise_panes(self, era: Era, panes: VersionPanes, now_us: int) -> list[Finding]:
        findings: list[Finding] = []
        author = Author(era.spec, panes.version)
        for number in sorted(panes.dirty):
            pane = panes.closed[number]
            panes.add_up(pane)
            verdicts = panes.judge_labels(pane, now_us)
            findings += revised_findings(author, pane, verdicts, last=False)
            self._clean(panes, pane)
        return findings

    def _clean(self, panes: VersionPanes, pane: PaneState) -> None:
        pane.dirty = False
        pane.outcomes_changed = True
        panes.dirty.discard(pane.number)
