"""Counterfactual fairness of texts: variants of one template that differ only in the attribute.

Every template is scored once per group (a word, a pronoun, a name changes, nothing else), so the
template is its own control: the statistic is the mean over templates of the paired difference
between two groups, and the largest such mean over all pairs of groups.

Kusner, Loftus, Russell & Silva 2017, "Counterfactual fairness"; for texts Garg et al. 2019,
"Counterfactual fairness in text classification through robustness" (token fairness). Limits are
exact whatever the differences look like (``detectors.stats.bounded_mean``), with Bonferroni over
ordered pairs of groups because the extreme pair was found by looking. Templates are the units: the
limits speak of templates like these, and hold if templates are independent of each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from detectors import reasons
from detectors.stats.bounded_mean import log_evidence, mean_limits
from detectors.trailing import DISPLAY_ERROR
from governance.component.metrics import FairnessMetric
from governance.finding import GroupRate, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHECK: Final = FairnessMetric.COUNTERFACTUAL_FAIRNESS_DIFFERENCE.value

_WORST = 3  # templates that the reason names
_RESOLUTION = 1e-9  # of the scale; means of several wordings are equal up to rounding
_LONGEST_NAME = 60  # characters of a template in the reason


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as a breach; errors are one-sided, of one look at all pairs of groups."""

    threshold: float | None  # None: shown, never judged
    minimum_templates: int
    breach_error: float
    warning_error: float


@dataclass(frozen=True, slots=True)
class PairedScores:
    """What a model said to every template in every variant.

    ``values`` has shape (templates, groups); NaN where there is no answer or no such variant.
    Every other value lies between ``low`` and ``high``.
    """

    subject: str  # the sensitive attribute
    test: str  # "score", or "outcome" (1 favourable, 0 not)
    templates: Sequence[str]
    groups: Sequence[str]
    values: Floats
    low: float = 0.0
    high: float = 1.0

    @property
    def scale(self) -> float:
        """The largest difference that there could be."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class _Pair:
    """The paired differences of two groups, first minus second, shape (n,), their mean >= 0."""

    first: int
    second: int
    templates: NDArray[np.intp]
    differences: Floats

    @property
    def mean(self) -> float:
        return float(self.differences.mean())


def judge(paired: PairedScores, rule: Rule) -> Verdict:
    """The largest mean paired difference, judged.

    A breach is false with probability at most ``rule.breach_error``, whatever the distribution of
    the differences, if templates are independent. Cost: about 1 ms per pair of groups and 1,000
    distinct differences.
    """
    every = list(_pairs(paired.values))
    pairs = [pair for pair in every if len(pair.differences) >= rule.minimum_templates]
    if not pairs:
        return _withheld(paired, rule, max((len(p.differences) for p in every), default=0))
    widest = max(pairs, key=lambda pair: pair.mean)
    lower, upper = _bounds(pairs, paired.scale, DISPLAY_ERROR)
    evidence = _evidence(pairs, paired.scale, rule)
    return Verdict(
        check=CHECK,
        subject=paired.subject,
        test=paired.test,
        modality="text",
        status=_status(evidence, len(pairs), rule),
        reason=reasons.join(_remarks(paired, widest, rule, upper)),
        value=widest.mean,
        raw=widest.mean,
        lower=lower,
        upper=upper,
        threshold=rule.threshold,
        evidence=evidence,
        evidence_bar=None if evidence is None else _bar(len(pairs), rule.breach_error),
        events=int(np.isfinite(paired.values).sum()),
        effective_events=float(len(widest.differences)),
        groups=tuple(_groups(paired)),
    )


def _pairs(values: Floats) -> Iterator[_Pair]:
    """Every pair of groups that share a template; in the direction of its mean difference."""
    for g, h in combinations(range(values.shape[1]), 2):
        differences = values[:, g] - values[:, h]
        shared = np.flatnonzero(np.isfinite(differences))
        if not len(shared):
            continue
        kept = differences[shared]
        yield _Pair(g, h, shared, kept) if kept.mean() >= 0 else _Pair(h, g, shared, -kept)


def _withheld(paired: PairedScores, rule: Rule, most: int) -> Verdict:
    reason = (
        f"templates: {most} templates have answers for two variants, {rule.minimum_templates} are "
        "needed (biasDetection.minimumGroupSize): write more templates"
    )
    return Verdict(
        check=CHECK,
        subject=paired.subject,
        test=paired.test,
        modality="text",
        status=Status.INSUFFICIENT,
        reason=reason,
        threshold=rule.threshold,
        events=int(np.isfinite(paired.values).sum()),
    )


def _bounds(pairs: Sequence[_Pair], scale: float, error: float) -> tuple[float, float]:
    """Limits of the largest true difference: the lower one corrected for picking the pair.

    The upper limit of the pair that is truly the widest is among those looked at, so the largest
    of them needs no correction (as in ``fairness.difference``).
    """
    corrected = error / (2 * len(pairs))
    claims = [_limits(pair, scale, corrected)[0] for pair in pairs]
    concessions = [_limits(pair, scale, error)[1] for pair in pairs]
    return max(0.0, *claims), max(concessions)


def _limits(pair: _Pair, scale: float, error: float) -> tuple[float, float]:
    lower, upper = mean_limits(_unit(pair.differences, scale), error)
    return (2 * lower - 1) * scale, (2 * upper - 1) * scale


def _unit(differences: Floats, scale: float) -> Floats:
    """Differences, which lie in [-scale, scale], mapped to [0, 1]."""
    return np.clip(differences / (2 * scale) + 0.5, 0.0, 1.0)


def _status(evidence: float | None, pairs: int, rule: Rule) -> Status:
    """Past the bar means the same as a lower limit, at that error, at or above the threshold."""
    if evidence is None:
        return Status.OK
    if evidence >= _bar(pairs, rule.breach_error):
        return Status.BREACH
    return Status.WARNING if evidence >= _bar(pairs, rule.warning_error) else Status.OK


def _evidence(pairs: Sequence[_Pair], scale: float, rule: Rule) -> float | None:
    """The largest log10 e-value against "this pair differs by at most the threshold"."""
    if rule.threshold is None:
        return None
    at_most = rule.threshold / (2 * scale) + 0.5
    natural = max(log_evidence(_unit(pair.differences, scale), at_most) for pair in pairs)
    return natural / math.log(10)


def _bar(pairs: int, error: float) -> float:
    """log10 of what an e-value must reach: Bonferroni over ordered pairs."""
    return math.log10(2 * pairs / error)


def _remarks(paired: PairedScores, widest: _Pair, rule: Rule, upper: float) -> Iterator[str]:
    if rule.threshold is None:
        yield reasons.NO_THRESHOLD
    elif widest.mean < rule.threshold <= upper:
        yield (
            f"unproven: a difference up to {upper:.2g} cannot be excluded with "
            f"{len(widest.differences)} templates; more of them narrow it"
        )
    if widest.mean > _RESOLUTION * paired.scale:
        first, second = paired.groups[widest.first], paired.groups[widest.second]
        yield f"largest: {first} above {second}, over {len(widest.differences)} templates"
        yield f"worst: {_worst(paired, widest)}"


def _worst(paired: PairedScores, pair: _Pair) -> str:
    """The templates that differ most in the direction of the mean, with both scores."""
    order = np.argsort(-pair.differences, kind="stable")[:_WORST]
    return ", ".join(_named(paired, pair, k) for k in order.tolist() if pair.differences[k] > 0)


def _named(paired: PairedScores, pair: _Pair, k: int) -> str:
    template = int(pair.templates[k])
    first, second = (float(paired.values[template, g]) for g in (pair.first, pair.second))
    name = paired.templates[template]
    short = (
        name
        if len(name) <= _LONGEST_NAME
        else name[: _LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )
    return f"{short!r} ({first:.3g} against {second:.3g})"


def _groups(paired: PairedScores) -> Iterator[GroupRate]:
    """The mean of every variant over its own templates, with its interval."""
    for name, column in zip(paired.groups, paired.values.T, strict=True):
        answered = column[np.isfinite(column)]
        if not len(answered):
            yield GroupRate(name, 0.0, None, None, None)
            continue
        unit = np.clip((answered - paired.low) / paired.scale, 0.0, 1.0)
        lower, upper = (paired.low + end * paired.scale for end in mean_limits(unit, DISPLAY_ERROR))
        yield GroupRate(name, float(len(answered)), float(answered.mean()), lower, upper)
