"""The check ``counterfactual_fairness_difference``: variants asked, answers paired, findings."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from detectors import reasons
from detectors.fairness.counterfactual import CHECK, PairedScores, Rule, judge
from governance.errors import ConfigError
from governance.finding import Finding, Status, Verdict, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from governance.component.schema import BiasDetection, Component
    from governance.service.counterfactual.answer import Answer
    from governance.service.counterfactual.templates import Variant

    Range = tuple[float, float]

SCORE: Final = "score"
OUTCOME: Final = "outcome"

_USUAL_RANGES: Final = ((0.0, 1.0), (-1.0, 1.0))
_NOTHING: Final = (
    "nothing_to_compare: the answers hold no score, and spec.signals.favourable is not declared: "
    "say where the score is in spec.signals.score, or what is favourable"
)
_UNKNOWN_RANGE: Final = (
    "score_range: scores lie outside [-1, 1], and the limits need the range that they can take: "
    "give --score-range LOW HIGH"
)
_WARNING_EVERY: Final = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """Variants with the answer to each, and when they were asked (microseconds since 1970)."""

    variants: Sequence[Variant]
    answers: Sequence[Answer]
    started_us: int
    ended_us: int

    def failures(self) -> Counter[str]:
        """How many answers are missing, by problem."""
        return Counter(answer.problem for answer in self.answers if answer.problem)


def check_declared(component: Component) -> None:
    """Whether there is anything to judge by or to show.

    Raises
    ------
    ConfigError
        If the component neither limits nor lists the metric.
    """
    bias = component.spec.governance.bias_detection
    if CHECK not in {*bias.thresholds, *bias.metrics}:
        raise ConfigError(
            f"spec.governance.biasDetection.thresholds has no {CHECK}: declare the largest mean "
            f"difference that you accept between variants of a text, for example {CHECK}: 0.1"
        )


def counterfactual_findings(
    component: Component, asked: Asked, score_range: Range | None = None
) -> list[Finding]:
    """One finding per attribute for the score, and one for the favourable outcome where declared.

    Parameters
    ----------
    component
        Its limit, ``minimumGroupSize`` (templates), ``maxLoss`` and ``falseAlarmEvery`` count.
    asked
        What was asked and answered.
    score_range
        What scores can be; None takes [0, 1] or [-1, 1], whichever holds all of them.
    """
    tests = _tests(component, asked.answers)
    attributes = list(dict.fromkeys(variant.attribute for variant in asked.variants))
    rule = _rule(component, len(attributes) * max(1, len(tests)))
    terms = _Terms(rule, component.spec.monitoring.max_loss, score_range)
    return [
        _finding(component, asked, _verdict(_only(asked, attribute), test, terms))
        for attribute in attributes
        for test in tests or ("",)
    ]


@dataclass(frozen=True, slots=True)
class _Terms:
    """On what terms answers are judged."""

    rule: Rule
    max_loss: float
    score_range: Range | None


def _tests(component: Component, answers: Iterable[Answer]) -> tuple[str, ...]:
    signals = component.spec.signals
    scored = signals.score is not None or any(math.isfinite(a.score) for a in answers)
    return (SCORE,) * scored + (OUTCOME,) * (signals.favourable is not None)


def _rule(component: Component, judged: int) -> Rule:
    """The judged (attribute, test) pairs share one false breach in ``falseAlarmEvery`` gates."""
    bias: BiasDetection = component.spec.governance.bias_detection
    return Rule(
        threshold=bias.thresholds.get(CHECK),
        minimum_templates=bias.minimum_group_size,
        breach_error=1 / (component.spec.monitoring.false_alarm_every * judged),
        warning_error=1 / _WARNING_EVERY,
    )


def _only(asked: Asked, attribute: str) -> Asked:
    both = zip(asked.variants, asked.answers, strict=True)
    kept = [(variant, answer) for variant, answer in both if variant.attribute == attribute]
    variants, answers = zip(*kept, strict=True)
    return Asked(variants, answers, asked.started_us, asked.ended_us)


def _verdict(asked: Asked, test: str, terms: _Terms) -> Verdict:
    attribute = asked.variants[0].attribute
    if not test:
        failures = _told(asked.failures())
        reason = f"lost: no answer ({failures})" if failures else _NOTHING
        return _withheld(attribute, test, terms.rule, reason)
    values = [getattr(answer, test) for answer in asked.answers]
    span = _USUAL_RANGES[0] if test == OUTCOME else _span(values, terms.score_range)
    if span is None:
        return _withheld(attribute, test, terms.rule, _UNKNOWN_RANGE)
    inside = [value if span[0] <= value <= span[1] else math.nan for value in values]
    verdict = judge(_paired(asked.variants, inside, test, span), terms.rule)
    missing = _missing(asked.answers, values, inside)
    return _counting(verdict, missing, len(values), terms.max_loss)


def _counting(verdict: Verdict, missing: Counter[str], asked: int, max_loss: float) -> Verdict:
    """The verdict with what is missing said; withdrawn where that is too much."""
    told = f"{_told(missing)} of {asked} answers"
    if missing.total() <= max_loss * asked:
        remark = f"missing: {told}" if missing else ""
        return replace(verdict, reason=reasons.join((verdict.reason, remark)))
    lost = f"lost: {told} are missing, maxLoss is {max_loss:.3g}"
    reason = reasons.join((lost, verdict.reason))
    return replace(verdict, status=Status.INSUFFICIENT, reason=reason)


def _span(values: Sequence[float], declared: Range | None) -> Range | None:
    """The range that scores can take; None where it cannot be told."""
    if declared is not None:
        return declared
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return next((r for r in _USUAL_RANGES if r[0] <= low and high <= r[1]), None)


def _paired(
    variants: Sequence[Variant], values: Sequence[float], test: str, span: Range
) -> PairedScores:
    """Templates x groups; several texts of a cell are averaged over those that were answered."""
    templates = list(dict.fromkeys(variant.template for variant in variants))
    groups = list(dict.fromkeys(variant.group for variant in variants))
    row = {template: i for i, template in enumerate(templates)}
    column = {group: i for i, group in enumerate(groups)}
    sums, counts = np.zeros((2, len(templates), len(groups)))
    for variant, value in zip(variants, values, strict=True):
        if math.isfinite(value):
            cell = row[variant.template], column[variant.group]
            sums[cell] += value
            counts[cell] += 1
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return PairedScores(variants[0].attribute, test, templates, groups, means, *span)


def _missing(
    answers: Iterable[Answer], values: Sequence[float], inside: Sequence[float]
) -> Counter[str]:
    """Answers that do not count, by reason."""
    missing: Counter[str] = Counter()
    for answer, value, kept in zip(answers, values, inside, strict=True):
        if math.isnan(kept):
            number = "no_number" if math.isnan(value) else "outside_range"
            missing[answer.problem or number] += 1
    return missing


def _told(missing: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {problem}" for problem, count in sorted(missing.items()))


def _withheld(attribute: str, test: str, rule: Rule, reason: str) -> Verdict:
    return Verdict(
        check=CHECK,
        subject=attribute,
        test=test,
        modality="text",
        status=Status.INSUFFICIENT,
        reason=reason,
        threshold=rule.threshold,
    )


def _finding(component: Component, asked: Asked, verdict: Verdict) -> Finding:
    named: Iterator[str] = (answer.version for answer in asked.answers if answer.version)
    return Finding(
        component=component.key,
        version=next(named, component.spec.model.version),
        generation=1,
        window=Window("events", 0, asked.started_us, asked.ended_us),
        verdict=verdict,
        lost=dict(asked.failures()),
    )
