"""A fairness verdict: the rule's status, what holds it back, and the window that shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from detectors import reasons
from detectors.fairness.parity import parity
from detectors.fairness.reading import Reading
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.base import WindowView
    from detectors.fairness.cells import Groups
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


def judge(question: Question, ladder: Sequence[Groups], view: WindowView, lost: str) -> Verdict:
    """Judge a ladder of at least one window, shortest first.

    ``lost`` says why the newest pane is not judged, empty if it is; value and bounds are given all
    the same, as they are while labels are still awaited.
    """
    metric, rule = question.metric, question.rule
    hold = reasons.join((lost, reasons.provisional(view) if metric.needs_labels else ""))
    found = parity(map(question.window, ladder), rule)
    if found.shown is None:
        reason = reasons.join((hold, too_small(question, ladder[-1])))
        return withheld(question, reason, view.panes[-1].events)
    groups = next(groups for groups in ladder if groups.panes == found.shown.panes)
    reading = Reading(question, groups, found.shown)
    status, remark = _capped(reading, rule, found.status)
    reason = reasons.join((hold, remark, *reading.remarks()))
    verdict = reading.fill(withheld(question, reason, view.panes[-1].events))
    return replace(verdict, status=Status.INSUFFICIENT if hold else status)


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
