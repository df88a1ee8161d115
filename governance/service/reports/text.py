"""A gate's verdict for a person at a terminal, and as one JSON object for a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.service.gate import Outcome, State, title
from governance.service.reports.words import REMEDY, headline, measured, number, remarks, why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from governance.service.gate import Case, GateVerdict

_QUIET = frozenset({State.OK, State.SHOWN})
_FEW = 12  # quiet cases that are printed, a line each
_MOST = 200  # cases that are printed; --json has them all


def lines(verdict: GateVerdict, component: str) -> Iterator[str]:
    """Verdict first, then what is not quiet with its reason, then how many were quiet."""
    yield f"{component}: {headline(verdict)}"
    loud = [case for case in verdict.cases if case.state not in _QUIET]
    for case in loud[:_MOST]:
        yield ""
        yield from _entry(case)
    if len(loud) > _MOST:
        yield f"... {len(loud) - _MOST:,} more (--json prints them all)"
    yield ""
    quiet = [case for case in verdict.cases if case.state is State.OK]
    yield from map(_line, quiet[:_FEW])
    yield f"{verdict.count(State.OK)} ok, {verdict.count(State.SHOWN)} shown only"
    yield from remarks(verdict)
    if verdict.outcome is Outcome.INCONCLUSIVE:
        yield REMEDY


def as_json(verdict: GateVerdict, component: str) -> dict[str, Any]:
    """One object: verdict, reasons, counts, and each case with the finding that it shows."""
    return {
        "component": component,
        "verdict": verdict.outcome.value,
        "reasons": list(verdict.reasons),
        "counts": {state.value: verdict.count(state) for state in State},
        "cases": [
            {
                "state": case.state.value,
                "windows": {status.value: n for status, n in case.windows.items()},
                "finding": case.finding.to_json(),
            }
            for case in verdict.cases
        ],
    }


def _line(case: Case) -> str:
    verdict = case.finding.verdict
    said = f": {measured(verdict)}, limit {number(verdict.threshold)}"
    reason = f" ({verdict.reason})" if verdict.reason else ""
    return f"ok        {title(case)}{'' if verdict.value is None else said}{reason}"


def _entry(case: Case) -> Iterator[str]:
    verdict = case.finding.verdict
    name = " ".join(part for part in (verdict.check, verdict.subject) if part)
    kind = ", ".join(part for part in (verdict.test, verdict.modality) if part)
    yield f"{case.state.value.upper():<9} {name} ({kind})"
    if verdict.value is not None:
        yield f"          {measured(verdict)}, limit {number(verdict.threshold)}"
    if why(case):
        yield f"          {why(case)}"
