"""How groups were treated since a version's first window: a report that is valid at every time.

A window's interval is wrong at 1 look in 20, so one of the many looks at a rollout is. These
bounds hold at all of them at once (``stats.limits.confidence_sequence``). They never forget and are
late for a change, so they judge nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from detectors import reasons
from detectors.fairness.group_rates import GroupRates
from detectors.fairness.parity import compare
from detectors.fairness.reading import Reading
from detectors.fairness.verdict import too_small, withheld
from detectors.stats.limits import confidence_sequence
from governance.clock import format_instant
from governance.finding import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.base import WindowView
    from detectors.fairness.groups import Groups
    from detectors.fairness.parity import Comparison
    from detectors.fairness.question import Question
    from detectors.rollout import SinceRollout
    from governance.finding import Verdict

    Floats = NDArray[np.float64]

SUFFIX = "_since_rollout"  # of the metric's name: what the finding's check is called
ERROR = 0.05  # of two groups each: that its limits do not hold the truth at some time

_PAIR = 2


@dataclass(frozen=True, eq=False)
class AnytimeRates(GroupRates):
    """Rates whose limits hold at every time at once; ``parts`` rates share the error evenly.

    So do the groups: the extreme pair is found by looking. Two have ``ERROR`` each, of which the
    joined bounds need less (STATISTICS 3.6).
    """

    parts: int = 1

    def limits(self, error: float) -> tuple[Floats, Floats]:  # noqa: ARG002 - not of one look
        """Limits of the shares; the error of a single look plays no part."""
        if ERROR not in self.limits_by_error:
            successes, sizes = self.evidence
            always = ERROR * _PAIR / (len(sizes) * self.parts)
            sequence = confidence_sequence(successes, sizes - successes, always)
            self.limits_by_error[ERROR] = self.found(*sequence)
        return self.limits_by_error[ERROR]


def since_rollout(
    question: Question, groups: Groups, total: SinceRollout, view: WindowView
) -> Verdict:
    """The report on a question; ``groups`` are read from ``total``."""
    metric = question.metric
    plain = withheld(question, "", total.events)
    verdict = replace(plain, check=metric.name.value + SUFFIX, threshold=None, panes=total.panes)
    if metric.needs_labels and not total.mature:
        return replace(verdict, reason=_no_labels_yet(view))
    shown = compare(question.window(groups), question.rule.minimum_group_size)
    if shown is None:
        return replace(verdict, reason=too_small(question, groups))
    reading = Reading(question, groups, _anytime(shown))
    reason = reasons.join((_since(total, question), *reading.remarks()[:2]))
    panes = total.mature if metric.needs_labels else total.panes
    return replace(
        reading.verdict(Status.OK, reason, total.events),
        check=verdict.check,
        threshold=None,
        panes=panes,
        label_coverage=None,
    )


def _anytime(shown: Comparison) -> Comparison:
    parts = len(shown.rates)
    rates = tuple(
        AnytimeRates(r.successes, r.sizes, r.kish, r.expected, r.rho, parts) for r in shown.rates
    )
    return replace(shown, rates=rates)


def _since(total: SinceRollout, question: Question) -> str:
    labels = f", {total.mature} of them with all labels" if question.metric.needs_labels else ""
    return (
        f"{reasons.NO_THRESHOLD}; since {format_instant(total.start_us)}: {total.panes} windows"
        f"{labels}; bounds hold at every time at once (95 %)"
    )


def _no_labels_yet(view: WindowView) -> str:
    until = view.provisional_until
    return reasons.join(
        (
            f"provisional until {until}" if until else "",
            "labels_awaited: no window since rollout has had all its labels yet (labelHorizon)",
        )
    )
