"""The fairness family: every metric of every sensitive attribute and intersection."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING

from detectors import reasons
from detectors.cells import in_pieces, sampling_weight
from detectors.fairness.catalog import METRICS
from detectors.fairness.cells import PREFIX, Subject, count_groups, count_scores
from detectors.fairness.groups import read_groups
from detectors.fairness.look import look
from detectors.fairness.parity import Rule
from detectors.fairness.question import Question
from detectors.fairness.since_rollout import since_rollout
from detectors.fairness.verdict import verdict, withheld
from detectors.outcome_table import outcome_axis
from detectors.reference import WindowCut
from detectors.trailing import Trailing, error_levels, trailing_windows
from governance.component.metrics import FairnessMetric
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from detectors.base import WindowView
    from detectors.fairness.groups import Groups
    from detectors.group_reference import GroupReference
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import BiasDetection, Component
    from governance.event import EventBatch
    from governance.finding import Verdict


@dataclass(frozen=True, slots=True)
class Fairness:
    """Judges ``questions``, which ask about ``subjects``.

    Where ``undeclared`` says what the component lacks, every question is answered with it.
    ``known`` gives, by attribute, how much rates of groups differ between windows of the
    reference; empty = events are taken for independent.
    """

    subjects: tuple[Subject, ...]
    questions: tuple[Question, ...]
    max_loss: float
    undeclared: str = ""
    unit: int = 1  # panes in one window
    known: Mapping[str, GroupReference] = field(default_factory=dict)

    @property
    def needs_scores(self) -> bool:
        """Whether any question is about scores; else they are not counted."""
        return any(question.metric.needs_scores for question in self.questions)

    @property
    def lasting(self) -> str:
        """Its arrays are also added up since rollout (``detectors.rollout``)."""
        return PREFIX

    def add(self, batch: EventBatch) -> Sums:
        if self.undeclared:
            return {}
        return in_pieces(self._count, batch, _piece(batch))

    def add_outcomes(self, batch: EventBatch) -> Sums:
        if self.undeclared:
            return {}
        return in_pieces(self._count_labelled, batch, _piece(batch))

    def judge(self, view: WindowView) -> list[Verdict]:
        events = view.panes[-1].events
        nothing = self._nothing(view)
        if nothing:
            return [withheld(question, nothing, events) for question in self.questions]
        windows = trailing_windows(view, PREFIX, self.unit)
        answers = look(self.questions, (self._reader(window, view) for window in windows))
        lost = reasons.lost(view, self.max_loss)
        verdicts = [verdict(answer, view, lost) for answer in answers]
        return verdicts + self._since_rollout(view)

    def _since_rollout(self, view: WindowView) -> list[Verdict]:
        total = view.since_rollout
        if total is None:
            return []
        read = self._reader(Trailing(total.panes, total.sums, total.outcomes), view)
        return [since_rollout(q, read(q.subject), total, view) for q in self.questions]

    def _reader(self, window: Trailing, view: WindowView) -> Callable[[str], Groups]:
        """The groups of a window by subject, each read once."""
        subjects = {subject.name: subject for subject in self.subjects}

        @cache
        def read(name: str) -> Groups:
            return read_groups(window, subjects[name], view.vocabulary, self.known)

        return read

    def _nothing(self, view: WindowView) -> str:
        """Why no question can be answered; empty if they can."""
        no_events = "" if view.panes[-1].events else reasons.NO_EVENTS
        return self.undeclared or no_events or reasons.filling(view, self.unit)

    def _count(self, batch: EventBatch) -> Sums:
        prediction = outcome_axis(batch.columns.get("favourable"), batch.n)
        return count_groups(self.subjects, batch, (prediction,), sampling_weight(batch))

    def _count_labelled(self, batch: EventBatch) -> Sums:
        prediction = outcome_axis(batch.columns.get("favourable"), batch.n)
        label = outcome_axis(batch.columns.get("label"), batch.n)
        weight = sampling_weight(batch)
        sums = count_groups(self.subjects, batch, (prediction, label), weight)
        if self.needs_scores:
            sums |= count_scores(self.subjects, batch, label, weight)
        return sums


def _piece(batch: EventBatch) -> int:
    """Keys of a byte stay in the cache; sums of weights are exact as far as ``in_pieces`` says."""
    return 2**18 if "weight" in batch.columns else 2**20


def make_fairness(
    component: Component,
    reference: Reference | None,
    *,
    keyed: Callable[[str, str], str] | None = None,
) -> Fairness | None:
    """The fairness checks that a component declares, or None where it declares none.

    Metrics with a limit in ``biasDetection.thresholds`` are judged, further ones in ``metrics`` are
    shown. The judged (attribute, metric) pairs share one false breach in ``falseAlarmEvery``.
    Groups are compared with each other; of the reference only is read how much rates of a group
    differ between windows.

    Raises
    ------
    ConfigError
        If a metric is unknown, or an attribute is not among ``spec.signals.groups``.
    """
    bias = component.spec.governance.bias_detection
    thresholds = _thresholds(bias)
    subjects = _subjects(component)
    undeclared = _undeclared(component)
    if not thresholds or (not subjects and not bias.thresholds):
        return None
    questions = _questions(component, thresholds, [s.name for s in subjects] or [""])
    monitoring = component.spec.monitoring
    return Fairness(
        subjects,
        questions,
        monitoring.max_loss,
        undeclared,
        WindowCut.of(monitoring.windows).unit,
        {} if reference is None else _known(reference, keyed),
    )


def _known(
    reference: Reference, keyed: Callable[[str, str], str] | None
) -> Mapping[str, GroupReference]:
    if keyed is None:
        return reference.groups
    return {
        attribute: known.with_keyed(partial(keyed, f"group.{attribute}"))
        for attribute, known in reference.groups.items()
    }


def _thresholds(bias: BiasDetection) -> dict[FairnessMetric, float | None]:
    """Every metric that traffic can answer and that is judged or shown, with its limit."""
    limits: dict[str, float | None] = dict.fromkeys((*bias.thresholds, *bias.metrics))
    metrics = {_metric(name): limit for name, limit in (limits | bias.thresholds).items()}
    return {metric: limit for metric, limit in metrics.items() if not metric.asks_the_model}


def _metric(name: str) -> FairnessMetric:
    try:
        return FairnessMetric(name)
    except ValueError:
        known = ", ".join(FairnessMetric)
        raise ConfigError(
            f"biasDetection names the fairness metric {name!r}, which does not exist: use one of "
            f"{known}"
        ) from None


def _subjects(component: Component) -> tuple[Subject, ...]:
    bias = component.spec.governance.bias_detection
    declared = tuple(component.spec.signals.groups)
    alone = [(attribute,) for attribute in bias.groups or declared]
    subjects = dict.fromkeys(Subject(attributes) for attributes in (*alone, *bias.intersections))
    for attribute in (a for subject in subjects for a in subject.attributes):
        if attribute not in declared:
            raise ConfigError(
                f"biasDetection names the attribute {attribute!r}, which spec.signals.groups does "
                f"not declare: add it there or use one of {', '.join(declared) or '(none)'}"
            )
    return tuple(subjects)


def _undeclared(component: Component) -> str:
    signals = component.spec.signals
    return reasons.join(
        (
            "" if signals.favourable else reasons.FAVOURABLE_NOT_DECLARED,
            "" if signals.groups else reasons.GROUPS_NOT_DECLARED,
        )
    )


def _questions(
    component: Component, thresholds: dict[FairnessMetric, float | None], subjects: Iterable[str]
) -> tuple[Question, ...]:
    spec = component.spec
    names = list(subjects)
    judged = len(names) * sum(limit is not None for limit in thresholds.values())
    breach, warning = error_levels(spec.monitoring.false_alarm_every, max(1, judged))
    minimum = spec.governance.bias_detection.minimum_group_size
    modality = spec.model.modality[0].value
    return tuple(
        Question(
            subject=subject,
            modality=modality,
            metric=METRICS[name],
            rule=Rule(METRICS[name].form, limit, minimum, breach, warning),
        )
        for subject in names
        for name, limit in thresholds.items()
    )
