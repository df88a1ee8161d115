"""The words that all reports of a gate share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.finding import Status
from governance.service.gate import Outcome, State

if TYPE_CHECKING:
    from governance.finding import Verdict
    from governance.service.gate import Case, GateVerdict

REMEDY = (
    "Not judged is not passed. Follow the reason, or allow a check to stay without a verdict by "
    "--optional CHECK."
)


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
            left = verdict.count(State.UNJUDGED)
            what = f"{left} of {_checks(total)} could not be judged" if left else "nothing judged"
            return f"inconclusive: {what}"


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
    """Where it holds, and the finding's own reason."""
    return "; ".join(part for part in (in_windows(case), case.finding.verdict.reason) if part)


def _checks(count: int) -> str:
    return f"{count} check" if count == 1 else f"{count} checks"
