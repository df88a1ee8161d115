"""The life of an alert: a pure function from (alert, observation, rule, now) to (alert, decision).

    inactive ──breach──► pending ──enough breaches──► firing ──calm──► resolved
        ▲                   │                           ▲                 │
        └───────calm────────┘                           └── breach ► pending

A condition fires when ``breaches`` of the newest ``of_windows`` judged windows are at or above a
severity, and resolves when the newest ``breaches`` judged windows are all ``ok``: an effect next to
its threshold flips between ok and breach (STATISTICS 4.4), so one window decides neither. Windows
that could not be judged (insufficient, blind, idle) hold whatever state there is. A revision of a
window replaces what that window said before, so late labels can start and end an alert.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from governance.alert import Alert, AlertState, Judgement, Observation, Severity
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORST_FIRST = (Status.BREACH, Status.WARNING, Status.OK)
_JUDGED = frozenset(_WORST_FIRST)
_AT_LEAST = {
    Severity.BREACH: frozenset({Status.BREACH}),
    Severity.WARNING: frozenset({Status.WARNING, Status.BREACH}),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Fire on ``breaches`` of the newest ``of_windows`` judged windows.

    ``remember`` judged windows are kept, for actions that ask for longer runs.
    """

    breaches: int = 2
    of_windows: int = 3
    remember: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.breaches <= self.of_windows:
            raise ValueError(f"{self.breaches} of {self.of_windows} windows can never breach")


@dataclass(frozen=True, slots=True)
class Decision:
    """What one observation did to an alert; ``reason`` is ``code: words`` for label and audit."""

    before: AlertState
    after: AlertState
    severity: Severity
    reason: str

    @property
    def changed(self) -> bool:
        """Whether people or pipelines have something new to hear."""
        return self.before is not self.after or self.reason.startswith("escalated")


def step(alert: Alert, seen: Observation, rule: Rule, now_us: int) -> tuple[Alert, Decision]:
    """Take one observation in.

    Parameters
    ----------
    alert
        The alert as it stands; a new ``Alert(key)`` for a condition never seen.
    seen
        A newly judged window, or newer revisions of subjects of a window seen before.
    rule
        How many windows make it fire and resolve.
    now_us
        Evaluation time; it dates the change and decides nothing.
    """
    history = _remember(alert.history, seen, rule)
    judged = [w for w in history if w.status in _JUDGED][-rule.of_windows :]
    severity = _severity(judged, rule)
    if alert.state is AlertState.FIRING and alert.severity is Severity.BREACH:
        severity = Severity.BREACH  # never less loud within an incident: no flapping notices
    after, reason = _next_state(alert, judged, severity, rule)
    if seen.status not in _JUDGED:
        reason = f"held: window {seen.window} was not judged ({seen.status.value})"
    decision = Decision(alert.state, after, severity or alert.severity, reason)
    moved = replace(alert, history=history, state=after, reason=reason, severity=decision.severity)
    if after is alert.state:
        return moved, decision
    return _date(moved, alert, now_us), decision


def worst_first(judgements: Iterable[Judgement]) -> tuple[Judgement, ...]:
    """Order judgements by status, worst first, keeping the given order among equals."""
    rank = {status: position for position, status in enumerate(_WORST_FIRST)}
    return tuple(sorted(judgements, key=lambda j: rank.get(j.status, len(rank))))


def windows_at(alert: Alert, severity: Severity) -> int:
    """How many of the newest judged windows in a row are at or above ``severity``."""
    count = 0
    for window in reversed([w for w in alert.history if w.status in _JUDGED]):
        if window.status not in _AT_LEAST[severity]:
            break
        count += 1
    return count


def _remember(
    history: tuple[Observation, ...], seen: Observation, rule: Rule
) -> tuple[Observation, ...]:
    by_window = {window.window: window for window in history}
    known = by_window.get(seen.window)
    by_window[seen.window] = seen if known is None else _revised(known, seen)
    newest = sorted(by_window.values(), key=lambda w: w.window)
    judged = [w.window for w in newest if w.status in _JUDGED]
    # An unjudged window takes no place of a judged one, so telemetry gaps do not shorten memory.
    size = max(rule.remember, rule.of_windows)
    oldest_kept = judged[-size] if len(judged) > size else None
    kept = [w for w in newest if oldest_kept is None or w.window >= oldest_kept]
    return tuple(kept[-4 * size :])


def _revised(known: Observation, seen: Observation) -> Observation:
    by_subject = {j.subject: j for j in known.judgements}
    for judgement in seen.judgements:
        before = by_subject.get(judgement.subject)
        if before is None or before.revision <= judgement.revision:
            by_subject[judgement.subject] = judgement
    return replace(seen, judgements=worst_first(by_subject.values()))


def _severity(judged: list[Observation], rule: Rule) -> Severity | None:
    for severity in (Severity.BREACH, Severity.WARNING):
        if sum(w.status in _AT_LEAST[severity] for w in judged) >= rule.breaches:
            return severity
    return None


def _next_state(
    alert: Alert, judged: list[Observation], severity: Severity | None, rule: Rule
) -> tuple[AlertState, str]:
    if not judged:
        return alert.state, "held: no window was judged yet"
    calm = judged[-rule.breaches :]
    all_calm = len(calm) == rule.breaches and all(w.status is Status.OK for w in calm)
    if alert.state is AlertState.FIRING:
        return _while_firing(alert, judged[-1], severity, all_calm=all_calm)
    if all_calm or all(w.status is Status.OK for w in judged):
        if alert.state is AlertState.PENDING:
            return AlertState.INACTIVE, "not confirmed: calm before enough windows had breached"
        return alert.state, "calm: nothing to tell"
    if severity is None:
        return AlertState.PENDING, f"seen: window {judged[-1].window} is {judged[-1].status.value}"
    count = sum(w.status in _AT_LEAST[severity] for w in judged)
    return (
        AlertState.FIRING,
        f"confirmed: {count} of the last {len(judged)} windows are {severity.value}",
    )


def _while_firing(
    alert: Alert, newest: Observation, severity: Severity | None, *, all_calm: bool
) -> tuple[AlertState, str]:
    if all_calm:
        return AlertState.RESOLVED, f"calm: window {newest.window} and those before it are ok"
    if severity is Severity.BREACH and alert.severity is Severity.WARNING:
        return AlertState.FIRING, "escalated: from warning to breach"
    return AlertState.FIRING, f"still firing: window {newest.window} is {newest.status.value}"


def _date(moved: Alert, before: Alert, now_us: int) -> Alert:
    moved = replace(moved, changed_at_us=now_us)
    if before.state in (AlertState.INACTIVE, AlertState.RESOLVED):
        moved = replace(
            moved,
            incident=before.incident + 1,
            pending_since_us=now_us,
            firing_since_us=None,
            resolved_at_us=None,
            acted=(),
        )
    if moved.state is AlertState.FIRING:
        return replace(moved, firing_since_us=now_us)
    if moved.state is AlertState.RESOLVED:
        return replace(moved, resolved_at_us=now_us)
    return moved
