"""The drift detector of a component: every declared modality is judged as a family of its own.

Prediction and score belong to the modality where there is one. Of several none can claim them: they
are a family without a modality, so that a modality is never blamed for what another one did to the
outputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from detectors.drift.contents import ContentFeatures
from detectors.drift.embedding import Embedding, is_measured, unmeasured
from detectors.drift.features import Features
from detectors.drift.joint import joint_part, unmeasured_joint
from detectors.drift.modality import ModalityDrift, Rules
from detectors.drift.outside import outside_tests
from detectors.drift.strangers import Strangers
from detectors.drift.subjects import feature_subjects, output_subjects, unbuilt
from detectors.drift.summary import no_reference, whole_verdict
from detectors.reference import EMBEDDING, WindowCut, is_excluded, rounds
from detectors.stats.overdispersion import LENGTHS
from governance.algebra.sums import merge
from governance.component.schema import Modality
from governance.contents import is_of_contents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detectors.base import Detector, WindowView
    from detectors.drift.part import Part
    from detectors.drift.subjects import Subject
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Verdict

RHYTHM_DAYS = 7
NO_MODALITY = ""


def make_drift(
    component: Component,
    reference: Reference | None,
    *,
    keyed: Callable[[str, str], str] | None = None,
) -> Detector:
    """The drift detector of a component.

    Parameters
    ----------
    component
        The declaration.
    reference
        ``Reference.for_version`` of the version that will be judged (the component's own version
        if none was said); None = there is none.
    keyed
        (column, category) -> code, where categories travel as keyed codes.

    Raises
    ------
    ConfigError
        If the component wants a test of Evidently's, rows are at hand, and it is not installed.
    """
    modalities = [modality.value for modality in component.spec.model.modality]
    strangers = Strangers(component, reference)
    if reference is None:
        return Drift([NoReference(modality) for modality in modalities], strangers)
    rules = _rules(component, reference)
    outputs = output_subjects(component, reference, keyed)
    waiting = unbuilt(component, reference)
    alone = len(modalities) == 1
    judges = []
    for modality in modalities:
        features = feature_subjects(component, reference, modality, keyed)
        subjects = (*features, *(outputs if alone else ()))
        parts = _parts(component, reference, modality, subjects)
        lacking = (*unmeasured(component, reference, modality), *(waiting if alone else ()))
        if modality == Modality.TABULAR:
            parts += joint_part(component, reference, features)
            lacking = (*unmeasured_joint(component, reference, features), *lacking)
        outside = outside_tests(component, reference, modality, subjects)
        judges.append(ModalityDrift(modality, parts, lacking, rules, outside))
    if not alone and (outputs or waiting):
        parts = _parts(component, reference, NO_MODALITY, outputs)
        outside = outside_tests(component, reference, NO_MODALITY, outputs)
        judges.append(ModalityDrift(NO_MODALITY, parts, waiting, rules, outside))
    return Drift(judges, strangers)


class Judge(Protocol):
    """Judges one modality; the first verdict is that on the modality."""

    modality: str

    def add(self, batch: EventBatch) -> list[Sums]:
        """What is remembered of a batch."""

    def judge(self, view: WindowView) -> list[Verdict]:
        """The modality, then its subjects."""


class Drift:
    """All modalities of a component."""

    def __init__(self, judges: Sequence[Judge], strangers: Strangers) -> None:
        self._judges = tuple(judges)
        self._strangers = strangers

    def add(self, batch: EventBatch) -> Sums:
        sums = [sums for judge in self._judges for sums in judge.add(batch)]
        return merge([*sums, self._strangers.add(batch)])

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - labels move no feature
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """The component where it has several modalities, then each as it is declared."""
        alone = len(self._judges) == 1
        found = [self._judged(judge, view, on_all=alone) for judge in self._judges]
        verdicts = [verdict for judged in found for verdict in judged]
        if alone:
            return verdicts
        firsts = {judge.modality: of[0] for judge, of in zip(self._judges, found, strict=True)}
        outputs = firsts.pop(NO_MODALITY, None)
        whole = whole_verdict([*firsts.values()], outputs, view.panes[-1].events)
        remarks = self._strangers.remarks(view.panes, NO_MODALITY, on_all=True)
        others = [verdict for verdict in verdicts if verdict is not outputs]
        return [_remarked(whole, remarks), *others]

    def _judged(self, judge: Judge, view: WindowView, *, on_all: bool) -> list[Verdict]:
        first, *others = judge.judge(view)
        remarks = self._strangers.remarks(view.panes, judge.modality, on_all=on_all)
        return [_remarked(first, remarks), *others]


class NoReference:
    """Says in every window that there is nothing to compare a modality with."""

    def __init__(self, modality: str) -> None:
        self.modality = modality

    def add(self, batch: EventBatch) -> list[Sums]:  # noqa: ARG002 - there is nothing to remember
        return []

    def judge(self, view: WindowView) -> list[Verdict]:
        return [no_reference(self.modality, view.panes[-1].events)]


def _remarked(verdict: Verdict, remarks: Sequence[str]) -> Verdict:
    if not remarks:
        return verdict
    return replace(verdict, reason="; ".join(part for part in (verdict.reason, *remarks) if part))


def _parts(
    component: Component, reference: Reference, modality: str, subjects: Sequence[Subject]
) -> list[Part]:
    contents = [subject for subject in subjects if is_of_contents(subject.column)]
    others = [subject for subject in subjects if not is_of_contents(subject.column)]
    parts: list[Part] = [Features(reference, others)] if others else []
    if contents:
        parts.append(ContentFeatures(reference, contents))
    watched = not is_excluded(f"{modality}.{EMBEDDING}", component)
    if is_measured(component, reference, modality) and watched:
        parts.append(Embedding(component, reference, modality))
    return parts


def _rules(component: Component, reference: Reference) -> Rules:
    monitoring = component.spec.monitoring
    unit = WindowCut.of(monitoring.windows).unit
    return Rules(
        lengths=tuple(unit * length for length in LENGTHS),
        max_loss=monitoring.max_loss,
        false_alarm_every=monitoring.false_alarm_every,
        capped=_capped(component, reference),
        rounds=rounds(component),
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
