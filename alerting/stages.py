"""Which actions an alert sets off: a list of stages, each of which may stop one, with its reason.

Pure: the stages see values and return words. What passes every stage becomes a durable delivery
in the same transaction as the alert: to be sent, to be approved first, or only rehearsed. What is
stopped becomes an audit line, and is looked at again at the alert's next window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from alerting.lifecycle import windows_at
from governance.alert import AlertState, Severity
from governance.clock import format_duration
from governance.store.delivery import ACTING, DeliveryState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerting.actions.base import ActionRequest
    from alerting.lifecycle import Decision
    from governance.component.schema import Action

ROLLBACK_EXPIRES_US = 900_000_000  # a rollback that comes late may undo somebody's repair
APPROVAL_US = 24 * 3_600_000_000  # what nobody approved in a day has lost its ground
BUDGET_US = 24 * 3_600_000_000


@dataclass(frozen=True, slots=True)
class ActionPolicy:
    """What holds for the actions of every component of an installation.

    ``per_day`` bounds the automatic retrainings and rollbacks of one component in any 24 hours.
    ``namespaces`` says whose components may use a receiver: ``*`` is everybody's; a receiver that
    is not named here is nobody's. None asks nothing.
    """

    per_day: int = 10
    dry_run: bool = False
    namespaces: Mapping[str, frozenset[str]] | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What was done lately for a component, and what is in force now."""

    last_acted_us: Mapping[str, int] = field(default_factory=dict)  # by the action's name
    automatic: int = 0  # set off without approval in the last 24 hours
    paused: str | None = None  # who, why
    policy: ActionPolicy = ActionPolicy()
    inhibited: str | None = None  # by which other alert


@dataclass(frozen=True, slots=True)
class Due:
    """An action with what the stages said of it: ``stopped`` is None where it goes ahead."""

    request: ActionRequest
    stopped: str | None
    state: DeliveryState = DeliveryState.PENDING
    expires_us: int | None = None

    @property
    def approve_by_us(self) -> int | None:
        """Until when somebody may approve it; None where nobody is asked."""
        if self.state is not DeliveryState.HELD:
            return None
        latest = self.request.now_us + APPROVAL_US
        return latest if self.expires_us is None else min(latest, self.expires_us)


def due_action(
    request: ActionRequest, decision: Decision, circumstances: Circumstances
) -> Due | None:
    """What the stages say of an action; None where its check pattern is for other alerts.

    Parameters
    ----------
    request
        The action, with the alert as it stands after the observation, and the time.
    decision
        What the observation did to the alert.
    circumstances
        For receivers, pause, cooldown, budget and dry run.
    """
    action = request.action
    if not fnmatchcase(request.alert.key.check, action.on.check):
        return None
    reasons = (stage(request, decision, circumstances) for stage in _STAGES)
    stopped = next((reason for reason in reasons if reason), None)
    return Due(request, stopped, _first_state(action, circumstances.policy), _expires_us(request))


def _first_state(action: Action, policy: ActionPolicy) -> DeliveryState:
    if action.dry_run or (policy.dry_run and action.action in ACTING):
        return DeliveryState.REHEARSED
    return DeliveryState.HELD if action.approval == "manual" else DeliveryState.PENDING


def _has_news(request: ActionRequest, decision: Decision, _: Circumstances) -> str | None:
    state = request.alert.state
    if request.action.action == "notify":
        resolved = decision.changed and decision.before is AlertState.FIRING
        if state is AlertState.FIRING or resolved:
            return None
        return f"no news: the alert is {state.value}"
    return None if state is AlertState.FIRING else f"not firing: the alert is {state.value}"


def _is_severe_enough(request: ActionRequest, _: Decision, __: Circumstances) -> str | None:
    wanted, alert = Severity(request.action.on.severity), request.alert
    if wanted is Severity.BREACH and alert.severity is Severity.WARNING:
        return "not severe enough: the action asks for breach, the alert is a warning"
    return None


def _lasts_long_enough(request: ActionRequest, _: Decision, __: Circumstances) -> str | None:
    if request.alert.state is not AlertState.FIRING:
        return None
    count = windows_at(request.alert, Severity(request.action.on.severity))
    wanted = request.action.on.windows
    return None if count >= wanted else f"too short: {count} of {wanted} windows in a row"


def _is_new_in_incident(request: ActionRequest, _: Decision, __: Circumstances) -> str | None:
    if request.delivery_id in request.alert.acted:
        return f"done: incident {request.alert.incident} has set it off already"
    return None


def _may_use_receiver(request: ActionRequest, _: Decision, now: Circumstances) -> str | None:
    allowed, target = now.policy.namespaces, request.target
    if allowed is None:
        return None
    if target not in allowed:
        return f"no receiver: the settings name no {request.kind} {target!r}"
    namespace = request.component.key.namespace
    if allowed[target].isdisjoint({"*", namespace}):
        return f"not its receiver: {target!r} does not serve namespace {namespace!r}"
    return None


def _is_not_inhibited(request: ActionRequest, _: Decision, now: Circumstances) -> str | None:
    if now.inhibited is None or request.action.action not in ACTING:
        return None
    return f"inhibited: {now.inhibited}"


def _is_not_paused(request: ActionRequest, _: Decision, now: Circumstances) -> str | None:
    if now.paused is None or not _is_automatic(request.action):
        return None
    return f"paused: {now.paused}"


def _has_cooled_down(request: ActionRequest, _: Decision, now: Circumstances) -> str | None:
    if request.action.action == "notify":
        return None  # a notice changes nothing in the world, and a resolve must not be swallowed
    last = now.last_acted_us.get(request.name)
    if last is None or request.now_us - last >= request.action.cooldown:
        return None
    left = format_duration(request.action.cooldown - (request.now_us - last))
    return f"cooldown: {left} are left of {format_duration(request.action.cooldown)}"


def _is_within_budget(request: ActionRequest, _: Decision, now: Circumstances) -> str | None:
    if not _is_automatic(request.action) or now.automatic < now.policy.per_day:
        return None
    return f"budget: {now.automatic} automatic actions in 24h, {now.policy.per_day} are allowed"


_STAGES = (
    _has_news,
    _is_severe_enough,
    _lasts_long_enough,
    _is_new_in_incident,
    _is_not_inhibited,
    _may_use_receiver,
    _is_not_paused,
    _has_cooled_down,
    _is_within_budget,
)


def _is_automatic(action: Action) -> bool:
    """Whether it changes the world without anybody's word."""
    return action.action in ACTING and action.approval == "automatic"


def _expires_us(request: ActionRequest) -> int | None:
    expires = request.action.expires
    if expires is None:
        if request.action.action != "rollback":
            return None
        expires = ROLLBACK_EXPIRES_US
    return request.now_us + expires
