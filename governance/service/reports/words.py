"""The words that all reports of a gate share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.finding import Status
from governance.service.gate import Outcome, State
from governance.service.reports.ends import ends

if TYPE_CHECKING:
    from governance.finding import Verdict
    from governance.service.gate import Case, GateVerdict

REMEDY = (
    "Not judged is not passed. Follow the reason, or allow a check to stay without a verdict by "
    "--optional CHECK."
)

_TWO = 2
_UNEQUAL = frozenset({State.BREACH, State.WARNING})


def headline(verdict: GateVerdict) -> str:
    """What was decided, in one line."""
    total = len(verdict.cases)
    match verdict.outcome:
        case Outcome.PASS:
            warned = verdict.count(State.WARNING)
            more = f", {warned} with a warning" if warned else ""
            return f"pass: {_checks(verdict.judged)} judged, none breached{more}"
        case Outcome.FAIL:
            return f"fail: {verdict.count(State.BREACH)} of {_checks(total)} breached"
        case _:
            return f"inconclusive: {_doubt(verdict)}"


def remarks(verdict: GateVerdict) -> list[str]:
    """The reasons of a verdict that no case shows."""
    judged_nothing = verdict.outcome is Outcome.INCONCLUSIVE and not verdict.count(State.UNJUDGED)
    return list(verdict.reasons if judged_nothing else verdict.absent)


def measured(verdict: Verdict) -> str:
    """The value with its interval; a dash where there is none."""
    value = number(verdict.value)
    if verdict.lower is None or verdict.upper is None:
        return value
    return f"{value} [{number(verdict.lower)}, {number(verdict.upper)}]"


def number(value: float | None) -> str:
    """Four digits, or a dash."""
    return "-" if value is None else f"{value:.4g}"


def in_windows(case: Case) -> str:
    """In how many windows the shown status holds, and which the shown one is."""
    status = case.finding.verdict.status
    if case.total == 1 or (status is Status.OK and case.windows[status] == case.total):
        return ""
    many = f"{case.windows[status]} of {case.total} windows"
    verb = "not judged" if status is Status.INSUFFICIENT else status.value
    return f"{verb} in {many}, last in window {case.finding.window.number}"


def why(case: Case) -> str:
    """Where it holds, who is treated unequally, and the finding's own reason."""
    verdict = case.finding.verdict
    pair = _pair(verdict) if case.state in _UNEQUAL else ""
    return "; ".join(part for part in (in_windows(case), pair, verdict.reason) if part)


def _pair(verdict: Verdict) -> str:
    """The groups with the lowest and the highest rate, each with its interval."""
    pair = ends(verdict.groups)
    if len(pair) < _TWO:
        return ""
    return ", ".join(
        f"{group.group} {number(group.rate)} [{number(group.lower)}, {number(group.upper)}]"
        for group in pair
    )


def _doubt(verdict: GateVerdict) -> str:
    left = verdict.count(State.UNJUDGED)
    if left:
        return f"{left} of {_checks(len(verdict.cases))} could not be judged"
    return "evidence is missing" if verdict.judged else "nothing judged"


def _checks(count: int) -> str:
    return f"{count} check" if count == 1 else f"{count} checks"
