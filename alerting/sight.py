"""Is a component in sight: what the wall clock says of what its owner last wrote down.

Findings follow the log's own time, so they cannot say that nothing comes any more. Here, and only
here, the clock of the machine decides: ``blind`` where sources are expected and silent or a window
was not judged in time, ``idle`` where nobody is expected, else ``ok``. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alerting.lifecycle import Decision, dated
from governance.alert import Alert, AlertKey, AlertState, Judgement, Observation, Severity
from governance.clock import SECOND_US, format_duration, format_instant
from governance.finding import Status

if TYPE_CHECKING:
    from governance.component.key import ComponentKey
    from governance.component.monitoring import Monitoring
    from governance.store.presence import Presence

BLIND_CHECK = "blind"  # the check of the alert that a component cannot be seen
# A checkpoint is written every 60 s where sources only beat; one may be missed, and one be late.
GRACE_US = 180 * SECOND_US


@dataclass(frozen=True, slots=True)
class Sight:
    """``OK``, ``BLIND`` or ``IDLE``, and why; ``since_us`` is when that began, if it is known."""

    status: Status
    reason: str = ""
    since_us: int | None = None


def sight_of(presence: Presence, monitoring: Monitoring, now_us: int) -> Sight:
    """What can be seen of a component now.

    Parameters
    ----------
    presence
        From the newest checkpoint of its owner.
    monitoring
        ``lateness`` bounds the silence of a source that sends heartbeats (every 10 s); after
        ``retire_after`` nobody is expected any more.
    now_us
        Wall clock; the log's own clock should agree within seconds.
    """
    heard_us = presence.heard_us
    if heard_us is None:
        return Sight(Status.IDLE, "every source has said goodbye")
    if now_us - heard_us > monitoring.retire_after:
        words = f"nothing was heard for {format_duration(monitoring.retire_after)}"
        return Sight(Status.IDLE, words, heard_us)
    if presence.beating and now_us - heard_us > monitoring.lateness + GRACE_US:
        words = f"sources are expected, and silent since {_second(heard_us)}"
        return Sight(Status.BLIND, words, heard_us)
    due_us = presence.due_us
    if due_us is not None and now_us - due_us > GRACE_US:
        words = f"the window that was due at {_second(due_us)} has not been judged"
        return Sight(Status.BLIND, words, due_us)
    return Sight(Status.OK, "sources are heard, and windows judged in time", heard_us)


def retired(judged_us: int | None, seen: Sight, monitoring: Monitoring, now_us: int) -> str | None:
    """Why a version is gone; None where it is still there, or where nobody can know.

    ``judged_us`` is when its newest window was judged, whatever the events' own times are; None:
    no window is kept.
    """
    if seen.status is Status.BLIND:
        return None
    if judged_us is None:
        return "no window of the version is kept any more"
    if now_us - judged_us <= monitoring.retire_after:
        return None
    at = _second(judged_us)
    return f"its last window was judged at {at}, and the component goes on without it"


def blind_key(component: ComponentKey) -> AlertKey:
    """The alert that a component cannot be seen: of all its versions and modalities."""
    return AlertKey(component, "", "", BLIND_CHECK)


def step_blind(alert: Alert, seen: Sight, now_us: int) -> tuple[Alert, Decision]:
    """Fire while the component is blind, resolve as soon as it is not.

    No windows are waited for: ``sight_of`` has waited already.
    """
    blind = seen.status is Status.BLIND
    after = AlertState.FIRING if blind else _over(alert.state)
    reason = f"{seen.status.value}: {seen.reason}"
    decision = Decision(alert.state, after, Severity.BREACH, reason)
    if not decision.changed:
        return alert, decision
    start_us = now_us if seen.since_us is None else seen.since_us
    judgement = Judgement("", seen.status, 0, "", seen.reason)
    window = Observation(0, start_us, now_us, (judgement,))
    moved = replace(alert, state=after, reason=reason, history=(window,))
    return dated(moved, alert, now_us), decision


def _over(state: AlertState) -> AlertState:
    return AlertState.RESOLVED if state is AlertState.FIRING else state


def _second(instant_us: int) -> str:
    return format_instant(instant_us // SECOND_US * SECOND_US)
