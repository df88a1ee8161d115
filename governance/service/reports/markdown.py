"""A gate's verdict as Markdown for a pull request: verdict first, worst first, plain words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from governance.service.gate import Outcome, State
from governance.service.reports.words import REMEDY, headline, measured, number, remarks, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from governance.service.gate import Case, GateVerdict

_MARKS = {
    Outcome.PASS: "\N{WHITE HEAVY CHECK MARK}",
    Outcome.FAIL: "\N{CROSS MARK}",
    Outcome.INCONCLUSIVE: "\N{WHITE QUESTION MARK ORNAMENT}",
}
_STATES = {
    State.BREACH: "\N{CROSS MARK} breach",
    State.UNJUDGED: "\N{WHITE QUESTION MARK ORNAMENT} not judged",
    State.WARNING: "\N{WARNING SIGN} warning",
    State.OK: "\N{WHITE HEAVY CHECK MARK} ok",
    State.SHOWN: "shown only",
}
_LOUD = (State.BREACH, State.UNJUDGED, State.WARNING)
_LEGEND = (
    "A breach is big (beyond the limit) and real (its evidence passes the bar); a warning is big, "
    "but not yet proven, and never fails the gate."
)
_MOST_ROWS = 100  # a comment of a pull request holds 65,536 characters
_LONGEST_CELL = 400
_SPECIAL = re.compile(r"([\\`*_\[\]|~#$])")


def markdown(verdict: GateVerdict, component: str) -> str:
    """The report; ``component`` is ``namespace/name``."""
    lines = [
        f"### {_MARKS[verdict.outcome]} Evenhand gate: {headline(verdict)}",
        "",
        f"Component {_text(component)}. {_LEGEND}",
        "",
        *_loud([case for case in verdict.cases if case.state in _LOUD]),
        *_quiet([case for case in verdict.cases if case.state not in _LOUD]),
        *_footnote(verdict),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _loud(cases: Sequence[Case]) -> Iterator[str]:
    if cases:
        yield from _table(cases)
        yield ""


def _quiet(cases: Sequence[Case]) -> Iterator[str]:
    if cases:
        yield f"<details><summary>{len(cases)} quiet or shown only</summary>"
        yield ""
        yield from _table(cases)
        yield ""
        yield "</details>"
        yield ""


def _table(cases: Sequence[Case]) -> Iterator[str]:
    yield "| status | check | subject | measured | limit | why |"
    yield "|---|---|---|---|---|---|"
    for case in cases[:_MOST_ROWS]:
        yield f"| {' | '.join(_cells(case))} |"
    if len(cases) > _MOST_ROWS:
        yield f"| | and {len(cases) - _MOST_ROWS} more (--json has them all) | | | | |"


def _cells(case: Case) -> tuple[str, ...]:
    verdict = case.finding.verdict
    check = verdict.check.replace("_", " ")
    kind = ", ".join(part for part in (verdict.test, verdict.modality) if part)
    return (
        _STATES[case.state] + (" ¹" if case.state is State.UNJUDGED else ""),
        _text(f"{check} ({kind})" if kind else check),
        _text(verdict.subject or "whole component"),
        measured(verdict),
        number(verdict.threshold),
        _text(why(case)),
    )


def _footnote(verdict: GateVerdict) -> Iterator[str]:
    for remark in remarks(verdict):
        yield f"- {_text(remark)}"
    if verdict.count(State.UNJUDGED):
        yield f"¹ {_text(REMEDY)}"


def _text(words: str) -> str:
    """Words as they are, whatever traffic put into them: no markup, no mention, one line."""
    short = words if len(words) <= _LONGEST_CELL else words[: _LONGEST_CELL - 1] + "…"
    line = _SPECIAL.sub(r"\\\1", " ".join(short.split()))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")
