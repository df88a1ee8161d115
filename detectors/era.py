"""The time of one spec: windows, detectors, and the panes of every version under it.

A change of features, groups, windows, reference or signals ends an era: its open panes close as
``partial`` and a new ladder starts. An era that has ended lives on until the last label of its
events has had its time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.outcome_cells import OutcomeCells
from detectors.panes import PaneState
from detectors.reference import WindowCut
from detectors.rollout import Rollout
from detectors.version_panes import VersionPanes, probe
from detectors.vocabulary import Vocabulary
from governance.event import sum_name

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from detectors.base import Detector
    from detectors.reference import Reference
    from detectors.sources import Sources
    from governance.component.schema import Component, Monitoring

    Make = Callable[[Component, Reference | None], tuple[Detector, ...]]


NEVER_US = 2**62
NO_SLOT = -1


@dataclass(frozen=True, slots=True)
class Spec:
    """A recorded spec, with what it needs to judge."""

    generation: int
    component: Component
    reference: Reference | None
    make: Make

    @property
    def monitoring(self) -> Monitoring:
        """Windows, time bounds and limits."""
        return self.component.spec.monitoring

    @property
    def of_numbers(self) -> bool:
        """Whether predictions and labels are numbers: no outcome is declared favourable."""
        return self.component.spec.signals.of_numbers

    @property
    def reference_id(self) -> str | None:
        """What every finding names as its reference."""
        return None if self.reference is None else self.reference.id

    @property
    def sum_sizes(self) -> dict[str, int]:
        """Length of the sums that can be compared with the reference, by name."""
        embeddings = {} if self.reference is None else self.reference.embeddings
        return {
            sum_name(modality, embedding.projection.hash): embedding.projection.size
            for modality, embedding in embeddings.items()
        }

    def detectors(self, version: str) -> tuple[Detector, ...]:
        """Those that judge ``version``."""
        reference = self.reference
        return self.make(
            self.component, None if reference is None else reference.for_version(version)
        )

    def restarts(self, earlier: Spec) -> bool:
        """Whether this spec starts a new ladder after ``earlier``."""
        return self._touching() != earlier._touching()

    def _touching(self) -> tuple[object, ...]:
        spec = self.component.spec
        return spec.signals, spec.model.modality, spec.monitoring.windows, self.reference_id


@dataclass(slots=True)
class Era:
    """All versions under one spec and its harmless changes (thresholds, severities, actions).

    ``started`` is the generation that began it. ``closed_us`` is the end of the newest time
    window that is closed; ``revise_us`` the log time at which labels that came late are judged.
    ``floor_us`` is where the windows of the eras before had closed: what happened earlier is late.
    """

    spec: Spec
    counts: Counter[str]
    started: int
    closed_us: int | None = None
    revise_us: int | None = None
    ended: bool = False
    versions: dict[str, VersionPanes] = field(default_factory=dict)
    floor_us: int | None = None

    @property
    def by_time(self) -> bool:
        """Whether windows are cut by event time."""
        return self.spec.monitoring.windows.kind == "every"

    @property
    def pane_us(self) -> int:
        """Length of a time pane."""
        return self.spec.monitoring.windows.pane_us

    @property
    def cut(self) -> str:
        """How windows are cut into panes; points of panes that are cut alike can be compared."""
        windows = self.spec.monitoring.windows
        return f"every {windows.pane_us} us" if self.by_time else f"{windows.events} events"

    @property
    def active_until_us(self) -> int:
        """Log time from which no time window is judged unless an event comes; 0 = none is."""
        retire_us = self.spec.monitoring.retire_after
        ends = (NEVER_US if v.open else v.heard_us + retire_us for v in self.versions.values())
        return max(ends, default=0)

    def panes_of(self, version: str) -> VersionPanes:
        """The panes of a version, made where it is new."""
        if version not in self.versions:
            self.versions[version] = self._new_version(version)
        return self.versions[version]

    def next_number(self, panes: VersionPanes) -> int:
        """The number of the next window that will close."""
        if self.ended:
            return NEVER_US
        if self.by_time:
            return 0 if self.closed_us is None else self.closed_us // self.pane_us
        return max(panes.closed, default=-1) + 1

    def catch_up(self, sources: Sources, now_us: int) -> None:
        """Take the time windows for closed that would have been, had there been anything."""
        if self.by_time and now_us >= self.active_until_us:
            end_us = sources.frontier_us(now_us) // self.pane_us * self.pane_us
            self.closed_us = end_us if self.closed_us is None else max(self.closed_us, end_us)

    def respecify(self, spec: Spec) -> None:
        """Judge by another spec from now on, on the same ladder."""
        self.spec = spec
        for version, panes in self.versions.items():
            panes.detectors = spec.detectors(version)
            panes.label_based = self._label_based(panes.detectors)
            panes.rollout = panes.rollout.followed_by(self._rollout(panes.detectors))

    def new_pane(self, number: int, time_us: int, now_us: int) -> PaneState:
        """An empty pane; ``time_us`` is the first event's where windows are counted."""
        start_us, end_us = time_us, time_us
        if self.by_time:
            start_us, end_us = number * self.pane_us, (number + 1) * self.pane_us
        return PaneState(NO_SLOT, number, start_us, end_us, now_us, now_us)

    def hand_over(self, spec: Spec) -> Era:
        """The era of a spec that starts a new ladder."""
        self.ended = True
        era = Era(spec, self.counts, started=spec.generation)
        floors = [at for at in (self.closed_us, self.floor_us) if at is not None]
        if floors:
            era.floor_us = max(floors)
        if era.by_time and era.floor_us is not None:
            era.closed_us = era.floor_us // era.pane_us * era.pane_us
        return era

    @property
    def late_before_us(self) -> int | None:
        """Instants before it lie in windows that are closed; None where there is no such."""
        if not self.by_time or self.closed_us is None:
            return None
        return max(self.closed_us, self.floor_us or self.closed_us)

    def is_late(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which instants lie in windows that are closed."""
        bound = self.late_before_us
        return np.zeros(len(times), dtype=bool) if bound is None else times < bound

    def to_builtins(self) -> list[Any]:
        """Everything but the panes, for the register."""
        versions = [
            [
                v.version,
                v.first,
                v.since,
                v.heard_us,
                v.vocabulary.to_builtins(),
                v.cells.to_builtins(),
                v.rollout.to_builtins(),
            ]
            for v in self.versions.values()
        ]
        return [
            self.started,
            self.spec.generation,
            self.spec.reference_id,
            self.closed_us,
            self.revise_us,
            self.ended,
            self.floor_us,
            versions,
        ]

    @classmethod
    def restored(cls, stored: list[Any], specs: Mapping[int, Spec], counts: Counter[str]) -> Era:
        """The era that ``to_builtins`` described, without its panes."""
        started, generation, _, closed_us, revise_us, ended, floor_us, versions = stored
        era = cls(specs[generation], counts, started, closed_us, revise_us, ended)
        era.floor_us = floor_us
        for version, first, since, heard_us, names, cells, *rollout in versions:
            panes = era.panes_of(version)
            panes.first, panes.since, panes.heard_us = first, since, heard_us
            panes.vocabulary.restore(names)
            panes.cells.restore(cells)
            for totals in rollout:  # absent from a register of before there were any
                panes.rollout.restore(totals)
        return era

    def _new_version(self, version: str) -> VersionPanes:
        detectors = self.spec.detectors(version)
        attributes = tuple(self.spec.component.spec.signals.groups)
        return VersionPanes(
            version,
            detectors,
            self._label_based(detectors),
            Vocabulary(attributes, self.counts),
            OutcomeCells(attributes),
            self.counts,
            self.spec.of_numbers,
            WindowCut.of(self.spec.component.spec.monitoring.windows).unit,
            rollout=self._rollout(detectors),
        )

    def _rollout(self, detectors: Iterable[Detector]) -> Rollout:
        return Rollout.of(detectors, probe(self.spec.component.spec.signals.groups))

    def _label_based(self, detectors: Iterable[Detector]) -> tuple[bool, ...]:
        one = probe(self.spec.component.spec.signals.groups)
        return tuple(bool(detector.add_outcomes(one)) for detector in detectors)
