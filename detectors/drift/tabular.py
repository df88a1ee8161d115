"""The detector of drift and data quality of tabular features, predictions and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors import reasons
from detectors.drift.counting import Counting, Windows
from detectors.drift.data_quality import DataQuality
from detectors.drift.family import RAISED, Family, Members, Terms, judge_family
from detectors.drift.measure import Measure
from detectors.drift.subjects import Subject, Unbuilt, subjects, unbuilt
from detectors.drift.summary import CHECK, component_verdict, no_reference
from detectors.drift.words import largest_move
from governance.component.schema import Modality
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detectors.base import Detector, WindowView
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch

RHYTHM_DAYS = 7


def make_drift(
    component: Component,
    reference: Reference | None,
    *,
    keyed: Callable[[str, str], str] | None = None,
) -> Detector | None:
    """The drift detector of a component; None if it has no tabular modality.

    Parameters
    ----------
    component
        The declaration.
    reference
        ``Reference.for_version`` of the version that will be judged (the component's own version
        if none was said); None = there is none.
    keyed
        (column, category) -> code, where categories travel as keyed codes.
    """
    if Modality.TABULAR not in component.spec.model.modality:
        return None
    if reference is None:
        return NoReference()
    compared = subjects(component, reference, keyed)
    waiting = unbuilt(component, reference)
    if not compared:
        return NothingCompared(waiting)
    return TabularDrift(component, reference, compared, waiting)


class TabularDrift:
    """Counts features into the bins of a reference, and judges trailing windows against it."""

    def __init__(
        self,
        component: Component,
        reference: Reference,
        compared: Sequence[Subject],
        waiting: Sequence[Unbuilt] = (),
    ) -> None:
        sticks = [subject.yardstick for subject in compared]
        self._subjects = tuple(compared)
        self._waiting = tuple(waiting)
        self._monitoring = component.spec.monitoring
        self._capped = _capped(component, reference)
        self._counting = Counting(component, reference, compared)
        self._measure = Measure(sticks)
        self._quality = DataQuality(compared, self._measure)
        self._members = Members(
            thresholds=self._measure.thresholds,
            lengths=self._measure.lengths,
            unfit=tuple(subject.unfit for subject in compared),
            assumed=tuple(not stick.ladder for stick in sticks),
        )

    def add(self, batch: EventBatch) -> Sums:
        return self._counting.add(batch)

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - labels move no feature
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """The component, then every subject, then the data quality of every subject."""
        terms = self._terms(view)
        readings = self._measure.readings(terms.windows.counts, terms.windows.n)
        family = judge_family(readings, self._members, terms)
        moves = self._moves(family, terms.windows)
        judged = [
            *(self._verdict(family, place, moves) for place in range(len(self._subjects))),
            *(_waiting(output, terms.events) for output in self._waiting),
        ]
        quality = self._quality.verdicts(readings, terms)
        return [component_verdict(judged, moves, terms.events), *judged, *quality]

    def _terms(self, view: WindowView) -> Terms:
        return Terms(
            windows=self._counting.windows(view.panes),
            events=view.panes[-1].events,
            lost=reasons.lost(view, self._monitoring.max_loss),
            capped=self._capped,
            false_alarm_every=self._monitoring.false_alarm_every,
        )

    def _moves(self, family: Family, windows: Windows) -> dict[str, str]:
        """What changed most, in words, in every subject that changed."""
        coarse = self._measure.coarse(windows.counts)
        moves = {}
        for place, subject in enumerate(self._subjects):
            row = family.shown(place)
            if row is not None and family.status(place) in RAISED:
                after = coarse[row, self._measure.coarse_bins.slice(place)]
                moves[subject.name] = largest_move(subject.labels, subject.yardstick.coarse, after)
        return moves

    def _verdict(self, family: Family, place: int, moves: dict[str, str]) -> Verdict:
        subject = self._subjects[place]
        return family.verdict(
            place,
            check=CHECK,
            subject=subject.name,
            test=subject.yardstick.test,
            moved=moves.get(subject.name, ""),
        )


class NothingCompared:
    """A reference without any feature that the component watches."""

    def __init__(self, waiting: Sequence[Unbuilt]) -> None:
        self._waiting = tuple(waiting)

    def add(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - the contract of a detector
        return {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - the contract
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        events = view.panes[-1].events
        judged = [_waiting(output, events) for output in self._waiting]
        return [component_verdict(judged, {}, events), *judged]


class NoReference:
    """Says in every window that there is nothing to compare with."""

    def add(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - the contract of a detector
        return {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - the contract
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        return [no_reference(view.panes[-1].events)]


def _waiting(output: Unbuilt, events: int) -> Verdict:
    return Verdict(
        check=CHECK,
        subject=output.name,
        status=Status.INSUFFICIENT,
        reason=output.reason,
        modality=Modality.TABULAR.value,
        threshold=output.threshold,
        events=events,
    )


def _capped(component: Component, reference: Reference) -> str:
    """Why a breach can only be a warning; empty if it can be a breach."""
    span = reference.span_days
    if span is None or span >= RHYTHM_DAYS or component.spec.baseline.covers_rhythm:
        return ""
    return (
        f"capped: the reference spans {span:.1f} days, under {RHYTHM_DAYS} it may not know the "
        "rhythm of the traffic (baseline.coversRhythm: true says that it does)"
    )
