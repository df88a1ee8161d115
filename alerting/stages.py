"""Which actions an alert sets off: a list of stages, each of which may stop one, with its reason.

Pure: the stages see values and return words. What passes every stage becomes a durable delivery
in the same transaction as the alert; what is stopped becomes an audit line.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from alerting.actions.base import ActionRequest
from alerting.lifecycle import windows_at
from governance.alert import AlertState, Severity
from governance.clock import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alerting.lifecycle import Decision
    from governance.alert import Alert
    from governance.component.schema import Component

ROLLBACK_EXPIRES_US = 900_000_000  # a rollback that comes late may undo somebody's repair


@dataclass(frozen=True, slots=True)
class Due:
    """An action with what the stages said of it: ``stopped`` is None where it goes ahead."""

    request: ActionRequest
    stopped: str | None
    needs_approval: bool = False
    expires_us: int | None = None


def due_actions(
    component: Component,
    alert: Alert,
    decision: Decision,
    last_acted: Mapping[str, int],
    now_us: int,
) -> Iterator[Due]:
    """Every declared action whose check pattern matches, with the reason where it is stopped.

    Parameters
    ----------
    component
        Its ``spec.actions`` are gone through in order.
    alert, decision
        The alert after the observation, and what the observation did to it.
    last_acted
        When each action of this component was last set off, for its cooldown.
    now_us
        Evaluation time.
    """
    for action in component.spec.actions:
        request = ActionRequest(component, action, alert, now_us)
        if not fnmatchcase(alert.key.check, action.on.check):
            continue
        stopped = next(
            (reason for stage in _STAGES if (reason := stage(request, decision, last_acted))), None
        )
        yield Due(request, stopped, action.approval == "manual", _expires_us(request))


def _has_news(request: ActionRequest, decision: Decision, _: Mapping[str, int]) -> str | None:
    state = request.alert.state
    if request.action.action == "notify":
        resolved = decision.changed and decision.before is AlertState.FIRING
        if state is AlertState.FIRING or resolved:
            return None
        return f"no news: the alert is {state.value}"
    return None if state is AlertState.FIRING else f"not firing: the alert is {state.value}"


def _is_severe_enough(request: ActionRequest, _: Decision, __: Mapping[str, int]) -> str | None:
    wanted, alert = Severity(request.action.on.severity), request.alert
    if wanted is Severity.BREACH and alert.severity is Severity.WARNING:
        return "not severe enough: the action asks for breach, the alert is a warning"
    return None


def _lasts_long_enough(request: ActionRequest, _: Decision, __: Mapping[str, int]) -> str | None:
    if request.alert.state is not AlertState.FIRING:
        return None
    count = windows_at(request.alert, Severity(request.action.on.severity))
    wanted = request.action.on.windows
    return None if count >= wanted else f"too short: {count} of {wanted} windows in a row"


def _is_new_in_incident(request: ActionRequest, _: Decision, __: Mapping[str, int]) -> str | None:
    if request.delivery_id in request.alert.acted:
        return f"done: incident {request.alert.incident} has set it off already"
    return None


def _has_cooled_down(
    request: ActionRequest, _: Decision, last_acted: Mapping[str, int]
) -> str | None:
    if request.action.action == "notify":
        return None  # a notice changes nothing in the world, and a resolve must not be swallowed
    last = last_acted.get(request.name)
    if last is None or request.now_us - last >= request.action.cooldown:
        return None
    left = format_duration(request.action.cooldown - (request.now_us - last))
    return f"cooldown: {left} are left of {format_duration(request.action.cooldown)}"


_STAGES = (
    _has_news,
    _is_severe_enough,
    _lasts_long_enough,
    _is_new_in_incident,
    _has_cooled_down,
)


def _expires_us(request: ActionRequest) -> int | None:
    expires = request.action.expires
    if expires is None:
        if request.action.action != "rollback":
            return None
        expires = ROLLBACK_EXPIRES_US
    return request.now_us + expires
