"""The life of an alert: a pure function from (alert, observation, rule, now) to (alert, decision).

    inactive ──breach──► pending ──enough breaches──► firing ──calm──► resolved
        ▲                   │                           ▲                 │
        └───────calm────────┘                           └── breach ► pending

A condition fires when ``breaches`` of the newest ``of_windows`` judged windows are at or above a
severity, and resolves when the newest ``keep_firing`` judged windows are all calm: ok, and no value
between the lower limit and the limit. An effect next to its threshold flips between ok and breach
(STATISTICS 3.2), so one window decides neither. An alert that flaps needs more calm.

Windows that could not be judged (insufficient, blind, idle) hold whatever state there is. A
revision of a window replaces what that window said before, so late labels can start and end an
alert. ``retire`` ends the alerts of a version that is no longer there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alerting.rule import FLAP_WINDOWS, FLAPPING_CALM, FLAPS
from governance.alert import Alert, AlertState, Judgement, Observation, Severity
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alerting.rule import Rule

_WORST_FIRST = (Status.BREACH, Status.WARNING, Status.OK)
_JUDGED = frozenset(_WORST_FIRST)
_AT_LEAST = {
    Severity.BREACH: frozenset({Status.BREACH}),
    Severity.WARNING: frozenset({Status.WARNING, Status.BREACH}),
}
_OVER = (AlertState.INACTIVE, AlertState.RESOLVED)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one observation did to an alert; ``reason`` is ``code: words`` for label and audit."""

    before: AlertState
    after: AlertState
    severity: Severity
    reason: str

    @property
    def code(self) -> str:
        """The reason's code."""
        return self.reason.partition(":")[0]

    @property
    def changed(self) -> bool:
        """Whether people or pipelines have something new to hear."""
        return self.before is not self.after or self.code == "escalated"


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
    history = _remember(alert, seen, rule)
    judged = [w for w in history if w.status in _JUDGED]
    recent = judged[-rule.of_windows :]
    severity = _severity(alert, recent, rule)
    if alert.state is AlertState.FIRING:
        after, reason = _while_firing(alert, judged, severity, rule)
    else:
        after, reason = _while_not_firing(alert, recent, severity, rule)
    if seen.status not in _JUDGED:
        reason = f"held: window {seen.window} was not judged ({seen.status.value})"
    decision = Decision(alert.state, after, severity or alert.severity, reason)
    moved = replace(alert, history=history, state=after, reason=reason, severity=decision.severity)
    if after is alert.state:
        return moved, decision
    if after is AlertState.FIRING:
        fired = (*alert.fired_windows, seen.window)[-FLAPS:]
        moved = replace(moved, fired_windows=fired)
    return dated(moved, alert, now_us), decision


def retire(alert: Alert, why: str, now_us: int) -> tuple[Alert, Decision]:
    """End an alert whose version is no longer there: nobody can repair it."""
    after = AlertState.RESOLVED if alert.state is AlertState.FIRING else AlertState.INACTIVE
    if alert.state in _OVER:
        after = alert.state
    decision = Decision(alert.state, after, alert.severity, f"retired: {why}")
    moved = replace(alert, state=after, reason=decision.reason)
    return (dated(moved, alert, now_us) if decision.changed else moved), decision


def hold(alert: Alert, why: str) -> Alert:
    """Nothing can be judged now: the state stays, and says why."""
    return replace(alert, reason=f"held: {why}")


def calm_wanted(alert: Alert, rule: Rule) -> int:
    """How many calm windows in a row resolve the alert: more where it flaps."""
    return (rule.keep_firing or rule.breaches) * (FLAPPING_CALM if _flaps(alert) else 1)


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


def dated(moved: Alert, before: Alert, now_us: int) -> Alert:
    """The moved alert with the instants of its change; leaving calm begins a new incident."""
    moved = replace(moved, changed_at_us=now_us)
    if before.state in _OVER:
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


def _remember(alert: Alert, seen: Observation, rule: Rule) -> tuple[Observation, ...]:
    by_window = {window.window: window for window in alert.history}
    known = by_window.get(seen.window)
    by_window[seen.window] = seen if known is None else _revised(known, seen)
    newest = sorted(by_window.values(), key=lambda w: w.window)
    judged = [w.window for w in newest if w.status in _JUDGED]
    # An unjudged window takes no place of a judged one, so telemetry gaps do not shorten memory.
    size = max(rule.remember, rule.of_windows, calm_wanted(alert, rule))
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


def _severity(alert: Alert, recent: Sequence[Observation], rule: Rule) -> Severity | None:
    """The loudest severity that enough windows reach, never beyond the check's loudest."""
    if rule.loudest is None:
        return None
    reached = next(
        (s for s in (Severity.BREACH, Severity.WARNING) if _reach(recent, s, rule)), None
    )
    if alert.state is AlertState.FIRING and alert.severity is Severity.BREACH:
        reached = Severity.BREACH  # never less loud within an incident: no flapping notices
    return Severity.WARNING if reached and rule.loudest is Severity.WARNING else reached


def _reach(recent: Sequence[Observation], severity: Severity, rule: Rule) -> bool:
    return sum(w.status in _AT_LEAST[severity] for w in recent) >= rule.breaches


def _while_not_firing(
    alert: Alert, recent: Sequence[Observation], severity: Severity | None, rule: Rule
) -> tuple[AlertState, str]:
    if not recent:
        return alert.state, "held: no window was judged yet"
    if rule.loudest is None:
        after = alert.state if alert.state in _OVER else AlertState.INACTIVE
        return after, "muted: the component says severity none for this check"
    calm = recent[-rule.breaches :]
    if all(w.status is Status.OK for w in recent) or (
        len(calm) == rule.breaches and all(w.status is Status.OK for w in calm)
    ):
        if alert.state is AlertState.PENDING:
            return AlertState.INACTIVE, "not confirmed: calm before enough windows had breached"
        return alert.state, "calm: nothing to tell"
    if severity is None:
        return AlertState.PENDING, f"seen: window {recent[-1].window} is {recent[-1].status.value}"
    count = sum(w.status in _AT_LEAST[severity] for w in recent)
    words = f"{count} of the last {len(recent)} windows are {severity.value}"
    return AlertState.FIRING, f"confirmed: {words}"


def _while_firing(
    alert: Alert, judged: Sequence[Observation], severity: Severity | None, rule: Rule
) -> tuple[AlertState, str]:
    if not judged:
        return alert.state, "held: no window was judged lately"
    if rule.loudest is None:
        return AlertState.RESOLVED, "muted: the component says severity none for this check"
    newest = judged[-1]
    if _calm_run(judged, rule) >= calm_wanted(alert, rule):
        return AlertState.RESOLVED, f"calm: window {newest.window} and those before it are ok"
    if severity is Severity.BREACH and alert.severity is Severity.WARNING:
        return AlertState.FIRING, "escalated: from warning to breach"
    return AlertState.FIRING, _why_still(alert, judged, rule)


def _why_still(alert: Alert, judged: Sequence[Observation], rule: Rule) -> str:
    newest, run = judged[-1], _calm_run(judged, rule)
    if newest.status is not Status.OK:
        return f"still firing: window {newest.window} is {newest.status.value}"
    if run == 0:
        words = f"window {newest.window} is ok, and above {rule.resolve_at:.0%} of its limit"
        return f"near limit: {words}"
    code = "flapping" if _flaps(alert) else "kept firing"
    return f"{code}: {run} of {calm_wanted(alert, rule)} calm windows in a row"


def _calm_run(judged: Sequence[Observation], rule: Rule) -> int:
    run = 0
    for window in reversed(judged):
        if window.status is not Status.OK or _is_near(window, rule):
            break
        run += 1
    return run


def _is_near(window: Observation, rule: Rule) -> bool:
    """Whether a value lies between the lower limit and the limit, and not by noise alone."""
    return any(
        j.of_limit is not None
        and rule.resolve_at < j.of_limit < 1
        and (j.evidence is None or j.evidence >= 0)
        for j in window.judgements
    )


def _flaps(alert: Alert) -> bool:
    fired = alert.fired_windows
    return len(fired) >= FLAPS and fired[-1] - fired[-FLAPS] <= FLAP_WINDOWS
