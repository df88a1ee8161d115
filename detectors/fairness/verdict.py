"""A fairness verdict: the rule's status, what holds it back, and the window that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors import reasons
from detectors.fairness.reading import Reading
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from detectors.base import WindowView
    from detectors.fairness.groups import Groups
    from detectors.fairness.look import Answer
    from detectors.fairness.parity import Rule
    from detectors.fairness.question import Question


def withheld(question: Question, reason: str, events: int) -> Verdict:
    """The verdict where nothing can be computed; ``events`` are those of the newest pane."""
    return Verdict(
        check=question.metric.name.value,
        subject=question.subject,
        modality=question.modality,
        status=Status.INSUFFICIENT,
        reason=reason,
        threshold=question.rule.threshold,
        events=events,
    )


def verdict(answer: Answer, view: WindowView, lost: str) -> Verdict:
    """What is said of a question.

    ``lost`` says why the newest pane is not judged, empty if it is; value and bounds are given all
    the same, as they are while labels are still awaited.
    """
    question, events = answer.question, view.panes[-1].events
    provisional = reasons.provisional(view) if question.metric.needs_labels else ""
    hold = reasons.join((lost, provisional))
    if answer.shown is None:
        reason = reasons.join((hold, too_small(question, answer.groups)))
        return withheld(question, reason, events)
    reading = Reading(question, answer.groups, answer.shown)
    status, remark = _capped(reading, question.rule, answer.status)
    reason = reasons.join((hold, remark, *reading.remarks()))
    return reading.verdict(Status.INSUFFICIENT if hold else status, reason, events)


def too_small(question: Question, longest: Groups) -> str:
    """Why nothing can be compared in a window, with the sizes of the groups."""
    metric, minimum = question.metric, question.rule.minimum_group_size
    labelled = longest.table.outcomes.events.any()
    if metric.needs_scores and labelled and not longest.scores.events:
        return reasons.SCORES_MISSING
    rates = question.window(longest).rates
    large = [int((each.counted >= minimum).sum()) for each in rates]
    # Of bins one would do, of two rates both must have groups.
    place = large.index(max(large) if metric.needs_scores else min(large))
    named = zip(longest.names, rates[place].counted.tolist(), strict=True)
    return reasons.groups_too_small(named, minimum, metric.rates[place].denominator)


def _capped(reading: Reading, rule: Rule, status: Status) -> tuple[Status, str]:
    if rule.threshold is None:
        return status, reasons.NO_THRESHOLD
    if status is Status.BREACH and reading.labels_explain():
        return Status.WARNING, reasons.capped(reading.rate.fragile)
    return status, ""
