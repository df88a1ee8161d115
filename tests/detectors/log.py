"""A log of one component for tests: records in order, and the states that read them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.component_state import ComponentState, Position
from detectors.points import Count, Point, Rate
from detectors.state_rows import StateRows
from governance.component.schema import Component
from governance.event import Column, ComponentKey, EventBatch, LabelBatch, MessageType
from governance.finding import Finding, Status, Verdict
from governance.wire.headers import Stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.base import Detector, Pane, WindowView
    from detectors.era import Spec
    from detectors.reference import Reference
    from governance.algebra.sums import Sums

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
KEY = ComponentKey("default", "loans")
START = 1_700_000_000 * SECOND // HOUR * HOUR  # a whole hour


def document(*, signals: dict[str, Any] | None = None, **monitoring: Any) -> dict[str, Any]:
    """A component with one group attribute; ``monitoring`` and further signals as in YAML."""
    declared = {"favourable": {"in": ["1"]}, "groups": {"sex": "column:SEX"}}
    return {
        "apiVersion": "apexlogic.io/v1alpha1",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": KEY.name, "namespace": KEY.namespace},
        "spec": {
            "model": {"name": "m", "version": "v1", "modality": ["tabular"]},
            "signals": {**declared, **(signals or {})},
            "monitoring": monitoring,
        },
    }


def component(*, signals: dict[str, Any] | None = None, **monitoring: Any) -> Component:
    """The component of ``document``."""
    return Component.model_validate(document(signals=signals, **monitoring))


@dataclass(frozen=True)
class Tally:
    """A detector that says exactly what it was given, over all panes of its view."""

    def add(self, batch: EventBatch) -> Sums:
        groups = np.bincount(batch.columns["group.sex"].values + 1, minlength=1)
        return {"n": np.array([batch.n]), "groups": groups.astype(np.int64)}

    def add_outcomes(self, batch: EventBatch) -> Sums:
        right = batch.columns["favourable"].values == batch.columns["label"].values
        weight = batch.columns["weight"].values
        return {
            "labels": np.array([batch.n], dtype=np.int64),
            "right": np.array([int((weight * right).sum())], dtype=np.int64),
        }

    def points(self, pane: Pane) -> dict[str, Point]:
        share = {"odd": Rate(pane.number % 7 / 7, pane.events)} if pane.events else {}
        return {"n": Count(float(pane.events)), **share}

    def judge(self, view: WindowView) -> list[Verdict]:
        newest = view.panes[-1]
        panes, names = [(p.number, p.events) for p in view.panes], dict(view.vocabulary)
        said = f"{panes} {names} {dict(view.changes)}"
        counted = sum(int(p.sums.get("n", np.zeros(1))[0]) for p in view.panes)
        labels = sum(int(p.outcomes.get("labels", np.zeros(1))[0]) for p in view.panes)
        right = sum(int(p.outcomes.get("right", np.zeros(1))[0]) for p in view.panes)
        hold = "" if view.labels_mature else f"provisional until {view.provisional_until}"
        events = Verdict("seen", "", Status.OK, said, value=float(counted), events=newest.events)
        status = Status.INSUFFICIENT if hold else Status.OK
        label = Verdict("right", "", status, hold, value=float(right), labels=labels)
        return [events, label]


def make_tally(
    component: Component,  # noqa: ARG001 - the signature of a factory
    reference: Reference | None,  # noqa: ARG001
) -> tuple[Detector, ...]:
    """The detectors of these tests."""
    return (Tally(),)


def ids(*names: object) -> np.ndarray[Any, Any]:
    """Pseudonyms of names."""
    raw = b"".join(hashlib.sha256(str(name).encode()).digest()[:16] for name in names)
    return np.frombuffer(raw, dtype="V16")


def events(
    times: Sequence[int], names: Sequence[object] | None = None, *, version: str = "v1"
) -> EventBatch:
    """Events at ``times``; every second one favourable, groups by turns."""
    n = len(times)
    groups = ["f" if i % 3 else "m" for i in range(n)]
    columns = {
        "event_id": Column(ids(*(names or times))),
        "time": Column(np.array(times, dtype=np.int64)),
        "favourable": Column((np.arange(n) % 2).astype(np.int8)),
        "group.sex": Column.encode([*groups]),
    }
    return EventBatch(version, n, columns)


def labels(names: Sequence[object], outcomes: Sequence[int], *, again: bool = False) -> LabelBatch:
    """Labels of events by name; ``again`` supersedes."""
    columns = {
        "event_id": Column(ids(*names)),
        "favourable": Column(np.array(outcomes, dtype=np.int8)),
        "supersedes": Column(np.full(len(names), again, dtype=np.int8)),
    }
    return LabelBatch(len(names), columns)


def stamp(
    sequence: int, watermark: int | None = None, *, source: str = "pod", **more: Any
) -> Stamp:
    """What a source says beside its message."""
    type_ = more.pop("type", MessageType.EVENTS)
    return Stamp(type_, KEY, source, sequence, watermark_us=watermark, **more)


@dataclass
class Reader:
    """Feeds a state and keeps its findings; ``store`` writes and reads it back."""

    state: ComponentState
    findings: list[Finding] = field(default_factory=list)
    stored: dict[str, dict[Any, bytes]] = field(
        default_factory=lambda: {"panes": {}, "segments": {}}
    )
    offset: int = 0

    def __post_init__(self) -> None:
        self.first = self.state.spec

    @classmethod
    def of(cls, **monitoring: Any) -> Reader:
        return cls(ComponentState(component(**monitoring), None, make_tally))

    def events(self, at: int, batch: EventBatch, stamp: Stamp | None = None) -> list[Finding]:
        return self._keep(self.state.events(batch, self._at(at), stamp))

    def labels(self, at: int, batch: LabelBatch, stamp: Stamp | None = None) -> list[Finding]:
        return self._keep(self.state.labels(batch, self._at(at), stamp))

    def heartbeat(self, at: int, stamp: Stamp) -> list[Finding]:
        return self._keep(self.state.heartbeat(stamp, self._at(at)))

    def bye(self, at: int, stamp: Stamp) -> list[Finding]:
        return self._keep(self.state.bye(stamp, self._at(at)))

    def advance(self, at: int) -> list[Finding]:
        return self._keep(self.state.advance(at))

    def finish(self) -> list[Finding]:
        return self._keep(self.state.finish())

    def store(self, specs: dict[int, Spec] | None = None) -> None:
        rows = self.state.changed_rows()
        for kind in ("panes", "segments"):
            self.stored[kind].update(getattr(rows, kind))
            self.stored[kind] = {key: blob for key, blob in self.stored[kind].items() if blob}
        everything = StateRows(rows.register, self.stored["panes"], self.stored["segments"])
        spec = self.state.spec
        self.state = ComponentState.restore(everything, specs or {spec.generation: spec})

    def said(self, check: str = "seen") -> list[tuple[int, int, float | None, bool]]:
        """(window, revision, value, partial) of every finding of a check."""
        return [
            (f.window.number, f.revision, f.verdict.value, f.window.partial)
            for f in self.findings
            if f.verdict.check == check
        ]

    def _at(self, append_time_us: int) -> Position:
        self.offset += 1
        return Position(self.offset, append_time_us)

    def _keep(self, findings: list[Finding]) -> list[Finding]:
        self.findings += findings
        return findings
