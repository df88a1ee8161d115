"""Findings as tables for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from detectors.fairness.since_rollout import SUFFIX as SINCE_ROLLOUT
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from governance.finding import Finding, Window

_RAISED = (Status.BREACH, Status.WARNING)
_STATUSES = (Status.BREACH, Status.WARNING, Status.OK, Status.INSUFFICIENT)
_MOST_LINES = 200  # of raised findings; --json has them all


def tables(findings: Sequence[Finding]) -> Iterator[str]:
    """What was raised, window by window, then how often each check said what."""
    raised = [finding for finding in findings if finding.verdict.status in _RAISED]
    if raised:
        yield from _table(
            ["window", "check", "subject", "status", "value", "limit", "why"],
            [_line(finding) for finding in raised[:_MOST_LINES]],
        )
        if len(raised) > _MOST_LINES:
            yield f"... {len(raised) - _MOST_LINES:,} more (--json prints them all)"
        yield ""
    yield from _summary([f for f in findings if not f.verdict.check.endswith(SINCE_ROLLOUT)])
    yield from _since_rollout(findings)


def _line(finding: Finding) -> list[str]:
    verdict = finding.verdict
    return [
        _window(finding.window),
        verdict.check,
        verdict.subject or "(component)",
        verdict.status.value,
        _interval(verdict.value, verdict.lower, verdict.upper),
        _number(verdict.threshold),
        verdict.reason,
    ]


def _summary(findings: Iterable[Finding]) -> Iterator[str]:
    counts: dict[str, Counter[Status]] = {}
    reasons: dict[str, Counter[str]] = {}
    for finding in findings:
        verdict = finding.verdict
        counts.setdefault(verdict.check, Counter())[verdict.status] += 1
        if verdict.status is Status.INSUFFICIENT:
            reasons.setdefault(verdict.check, Counter())[verdict.reason.partition(":")[0]] += 1
    rows = [
        [check, *(f"{found[status] or '-'}" for status in _STATUSES), _commonest(reasons, check)]
        for check, found in counts.items()
    ]
    yield from _table(["check", *(status.value for status in _STATUSES), "because"], rows)


def _since_rollout(findings: Iterable[Finding]) -> Iterator[str]:
    """The newest report on all windows of a version, per version, metric and attribute."""
    newest = {
        (f.version, f.verdict.check, f.verdict.subject): f
        for f in findings
        if f.verdict.check.endswith(SINCE_ROLLOUT) and f.verdict.value is not None
    }
    if not newest:
        return
    yield ""
    yield from _table(
        ["since rollout", "version", "attribute", "value", "why"],
        [
            [
                check.removesuffix(SINCE_ROLLOUT),
                version,
                subject,
                _interval(f.verdict.value, f.verdict.lower, f.verdict.upper),
                f.verdict.reason,
            ]
            for (version, check, subject), f in newest.items()
        ],
    )


def _commonest(reasons: dict[str, Counter[str]], check: str) -> str:
    return ", ".join(reason for reason, _ in reasons.get(check, Counter()).most_common(3))


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
