"""Findings as tables for people."""

from __future__ import annotations

from collections import Counter
from textwrap import shorten
from typing import TYPE_CHECKING

from detectors.fairness.since_rollout import SUFFIX as SINCE_ROLLOUT
from governance.finding import Status
from governance.service.cli.raised import raised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from governance.finding import Finding, Window
    from governance.service.cli.raised import Raised

_STATUSES = (Status.BREACH, Status.WARNING, Status.OK, Status.INSUFFICIENT)
_MOST_LINES = 200  # of raised subjects; --json has them all
_WORDS_WIDTH = 140  # characters of a reason in the summary
_BOUNDS = "bounds hold at every time at once (95 %)"
_NO_LIMIT = "no threshold"
_WARNING = "warning: beyond its limit, not certain enough for a breach or held back by its reason"

_SHARED = (_NO_LIMIT, _BOUNDS)  # what each report since rollout says


def tables(findings: Sequence[Finding]) -> Iterator[str]:
    """What was raised, worst first, then what else the checks said."""
    by_window = [f for f in findings if not f.verdict.check.endswith(SINCE_ROLLOUT)]
    yield from _raised(by_window)
    yield from _summary(by_window)
    yield from _since_rollout(findings)


def _raised(findings: Sequence[Finding]) -> Iterator[str]:
    rows = raised(findings)
    if not rows:
        return
    own = _telling([row.worst for row in rows])
    head = ["windows", "first", "worst", *own, "check", "subject"]
    yield from _table(
        [*head, "status", "value", "limit", "why"], [_line(row, own) for row in rows[:_MOST_LINES]]
    )
    if len(rows) > _MOST_LINES:
        yield f"... {len(rows) - _MOST_LINES:,} more (--json prints them all)"
    if any(row.worst.verdict.status is Status.WARNING for row in rows):
        yield _WARNING
    yield from dict.fromkeys(aside for row in rows for aside in row.asides)
    yield ""


def _telling(findings: Sequence[Finding]) -> list[str]:
    """Which of version and modality lines must say to be told apart."""
    versions = {f.version for f in findings}
    named = {(f.version, f.verdict.check, f.verdict.subject) for f in findings}
    return ["version"] * (len(versions) > 1) + ["modality"] * (len(named) < len(findings))


def _line(row: Raised, own: list[str]) -> list[str]:
    finding, verdict = row.worst, row.worst.verdict
    names = {"version": finding.version, "modality": verdict.modality or "(all)"}
    return [
        f"{len(row.raised):,} of {row.windows:,}",
        _window(row.raised[0].window),
        _window(finding.window),
        *(names[name] for name in own),
        verdict.check,
        verdict.subject or "(component)",
        verdict.status.value,
        _interval(verdict.value, verdict.lower, verdict.upper),
        _number(verdict.threshold),
        row.why,
    ]


def _summary(findings: Iterable[Finding]) -> Iterator[str]:
    """Checks that raised or could not judge something, with counts; the calm ones in a line."""
    counts: dict[str, Counter[Status]] = {}
    reasons: dict[str, Counter[str]] = {}
    shown: dict[str, bool] = {}
    for finding in findings:
        verdict = finding.verdict
        counts.setdefault(verdict.check, Counter())[verdict.status] += 1
        no_limit = verdict.status is not Status.OK or verdict.reason.startswith(_NO_LIMIT)
        shown[verdict.check] = shown.get(verdict.check, True) and no_limit
        if verdict.status is Status.INSUFFICIENT:
            reasons.setdefault(verdict.check, Counter())[verdict.reason] += 1
    calm = [check for check, found in counts.items() if set(found) == {Status.OK}]
    rows = [
        [check, *(f"{found[status] or '-'}" for status in _STATUSES), _commonest(reasons, check)]
        for check, found in counts.items()
        if check not in calm
    ]
    if rows:
        yield from _table(
            ["check", *(status.value for status in _STATUSES), "mostly because"], rows
        )
    for words, without_limit in (("calm", False), ("shown, without a limit", True)):
        named = [f"{c} {counts[c][Status.OK]:,}" for c in calm if shown[c] is without_limit]
        if named:
            yield f"{words}: {', '.join(named)}"


def _since_rollout(findings: Iterable[Finding]) -> Iterator[str]:
    """The newest report on all windows of a version, the surest difference first."""
    newest = {
        (f.version, f.verdict.check, f.verdict.subject): f
        for f in findings
        if f.verdict.check.endswith(SINCE_ROLLOUT) and f.verdict.value is not None
    }
    if not newest:
        return
    surest = sorted(newest.items(), key=lambda item: -(item[1].verdict.lower or 0.0))
    yield ""
    yield from _table(
        ["since rollout", "version", "attribute", "value", "why"],
        [
            [
                check.removesuffix(SINCE_ROLLOUT),
                version,
                subject,
                _interval(f.verdict.value, f.verdict.lower, f.verdict.upper),
                "; ".join(p for p in f.verdict.reason.split("; ") if p not in _SHARED),
            ]
            for (version, check, subject), f in surest
        ],
    )
    yield f"{_BOUNDS}; what is since rollout is shown, and judged window by window"


def _commonest(reasons: dict[str, Counter[str]], check: str) -> str:
    found = reasons.get(check)
    return shorten(found.most_common(1)[0][0], _WORDS_WIDTH, placeholder=" ...") if found else ""


def _window(window: Window) -> str:
    name = str(window.number) if window.kind == "events" else window.to_json()["start"]
    return f"{name} (partial)" if window.partial else str(name)


def _interval(value: float | None, lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return _number(value)
    return f"{_number(value)} [{_number(lower)}, {_number(upper)}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _table(header: list[str], rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in [header, *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
