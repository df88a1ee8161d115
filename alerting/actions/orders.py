"""Turns the actions that are due into deliveries and audit lines, for one round of evaluation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from alerting.actions.base import ActionRequest, body
from alerting.catalog import ACTIONS
from alerting.stages import BUDGET_US, Circumstances, due_action
from governance.audit import AuditEntry, entry_of
from governance.store.delivery import ACTING, Delivery, DeliveryState

if TYPE_CHECKING:
    from alerting.declared import Declared
    from alerting.lifecycle import Decision
    from alerting.stages import ActionPolicy, Due
    from governance.alert import Alert
    from governance.component.key import ComponentKey
    from governance.store.deliveries import Deliveries
    from governance.store.pauses import Pauses

_KINDS = {
    DeliveryState.PENDING: "action.ordered",
    DeliveryState.HELD: "action.held",
    DeliveryState.REHEARSED: "action.rehearsed",
}


@dataclass(frozen=True, slots=True)
class Ordered:
    """What an alert has set off: its deliveries, and a line for each action it asked for."""

    alert: Alert
    deliveries: list[Delivery] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)


class Orders:
    """What was done lately is read once a component, and kept up as the round goes on."""

    def __init__(
        self, outbox: Deliveries, pauses: Pauses, policy: ActionPolicy, now_us: int
    ) -> None:
        self._outbox = outbox
        self._pauses = pauses
        self._policy = policy
        self._now_us = now_us
        self._last_us: dict[ComponentKey, dict[str, int]] = {}
        self._automatic: Counter[ComponentKey] = Counter()

    def of(
        self,
        declared: Declared,
        alert: Alert,
        decision: Decision,
        *,
        inhibited: str | None = None,
    ) -> Ordered:
        """Deliveries and audit lines of one alert after one observation.

        Actions are asked for in order: what one has set off counts for the next. ``inhibited``
        says which other alert speaks against them.
        """
        ordered = Ordered(alert)
        for action in declared.component.spec.actions:
            request = ActionRequest(declared, action, ordered.alert, self._now_us)
            now = replace(self._circumstances(declared.component.key), inhibited=inhibited)
            due = due_action(request, decision, now)
            if due is not None and due.stopped is None:
                ordered = self._go_ahead(ordered, due)
            elif due is not None and due.stopped is not None and decision.changed:
                ordered.audit.append(_entry(due, "action.stopped", due.stopped))
        return ordered if declared.audited else replace(ordered, audit=[])

    def _go_ahead(self, ordered: Ordered, due: Due) -> Ordered:
        self._note(due)
        ordered.deliveries.append(_delivery(due))
        ordered.audit.append(_entry(due, _KINDS[due.state], ordered.alert.reason))
        acted = (*ordered.alert.acted, due.request.delivery_id)
        return replace(ordered, alert=replace(ordered.alert, acted=acted))

    def _circumstances(self, key: ComponentKey) -> Circumstances:
        if key not in self._last_us:
            acted = self._outbox.acted(key, self._now_us - BUDGET_US)
            self._last_us[key] = {f"{one.action}:{one.target}": one.last_us for one in acted}
            self._automatic[key] = sum(one.automatic for one in acted)
        pause = self._pauses.of(key.namespace)
        paused = None if pause is None else f"by {pause.by}: {pause.reason}"
        return Circumstances(self._last_us[key], self._automatic[key], paused, self._policy)

    def _note(self, due: Due) -> None:
        request = due.request
        if request.action.action not in ACTING:
            return
        key = request.component.key
        self._last_us[key][request.name] = self._now_us
        self._automatic[key] += due.state is not DeliveryState.HELD


def _delivery(due: Due) -> Delivery:
    request = due.request
    return Delivery(
        id=request.delivery_id,
        kind=request.kind,
        target=request.target,
        ordering_key=str(request.component.key),
        body=body(ACTIONS[request.action.action], request),
        created_us=request.now_us,
        next_attempt_us=request.now_us,
        expires_us=due.expires_us,
        state=due.state,
        action=request.action.action,
        generation=request.declared.generation,
        commit=request.declared.commit,
        audited=request.declared.audited,
        approve_by_us=due.approve_by_us,
    )


def _entry(due: Due, kind: str, reason: str) -> AuditEntry:
    request = due.request
    facts = {
        "alert": request.alert.key.fingerprint,
        "component": str(request.component.key),
        "incident": request.alert.incident,
        "action": request.name,
        "delivery": request.delivery_id,
    }
    namespace = request.component.key.namespace
    return entry_of(namespace, request.now_us, kind, request.declared.cause(reason), facts)
