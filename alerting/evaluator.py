"""One round of evaluation: findings in; alerts, deliveries and audit rows out, together."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from alerting.catalog import ACTIONS
from alerting.evaluate import observations, whole_judgements
from alerting.lifecycle import step
from alerting.rule import rule_of
from alerting.stages import due_actions
from governance.alert import Alert
from governance.audit import AuditEntry
from governance.component.schema import Component
from governance.store.alerts import AlertFilter
from governance.store.deliveries import Delivery, DeliveryFilter
from governance.store.outcomes import Evaluation, write_evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine

    from alerting.feed import Feed
    from alerting.lifecycle import Decision
    from alerting.rule import Rule
    from alerting.stages import Due
    from governance.alert import AlertKey, Observation
    from governance.clock import Clock
    from governance.component.key import ComponentKey
    from governance.store.alerts import Alerts
    from governance.store.components import Components
    from governance.store.deliveries import Deliveries
    from governance.store.findings import Findings, StoredFinding
    from governance.store.leases import Lease

ROUND = 1_000  # findings looked at in one transaction
_UNAPPROVED = "approval: manual, and nobody has approved it"
_REMEMBERED_DELIVERIES = 500  # enough to find when each action was last set off


@dataclass(frozen=True, slots=True)
class Ports:
    """The parts of the store that evaluation reads, and the engine that it writes through."""

    engine: Engine
    findings: Findings
    alerts: Alerts
    deliveries: Deliveries
    components: Components
    group: str = "evenhand"


@dataclass(slots=True)
class _Round:
    """What a round has decided so far."""

    alerts: dict[AlertKey, Alert] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    last_acted: dict[ComponentKey, dict[str, int]] = field(default_factory=dict)
    specs: dict[ComponentKey, tuple[Component, int] | None] = field(default_factory=dict)


class Evaluator:
    """Steps alerts over findings that nobody has evaluated yet."""

    def __init__(self, ports: Ports, clock: Clock, rule: Rule, *, feed: Feed | None = None) -> None:
        self._ports = ports
        self._clock = clock
        self._rule = rule
        self._feed = feed

    def evaluate(self, lease: Lease) -> tuple[int, list[Alert]]:
        """One round under ``lease``; returns the findings taken and the alerts that changed state.

        Raises
        ------
        Fenced
            If another evaluator has taken over; nothing was written.
        StoreError
            If the database is away.
        """
        stored = self._whole_round()
        if not stored:
            return 0, []
        now_us, decided, changed = self._clock.now_us(), _Round(), []
        for key, seen in observations([json.loads(row.body) for row in stored]):
            alert, decision = self._step(decided, key, seen, now_us)
            if decision.changed:
                changed.append(alert)
        if self._feed is not None:
            self._feed.feed(stored, changed)
        write_evaluation(
            self._ports.engine,
            lease,
            Evaluation(
                findings=[(row.id, row.revision) for row in stored],
                alerts=list(decided.alerts.values()),
                deliveries=decided.deliveries,
                audit=decided.audit,
                group=self._ports.group,
            ),
        )
        return len(stored), changed

    def _whole_round(self) -> Sequence[StoredFinding]:
        limit = ROUND
        while True:
            stored = self._ports.findings.unevaluated(limit)
            if len(stored) < limit:
                return stored
            whole = whole_judgements([json.loads(row.body) for row in stored])
            if whole:
                return stored[:whole]
            limit *= 2  # one window has more findings than a round

    def _step(
        self, decided: _Round, key: AlertKey, seen: Observation, now_us: int
    ) -> tuple[Alert, Decision]:
        before = self._alert(decided, key)
        spec = self._spec(decided, key.component)
        rule = rule_of(None if spec is None else spec[0], key.check, self._rule)
        alert, decision = step(before, seen, rule, now_us)
        if spec is not None:
            alert = replace(alert, generation=spec[1])
        if decision.changed and _is_audited(spec):
            decided.audit.append(_alert_entry(alert, decision, now_us))
        if spec is not None:
            alert = self._act(decided, spec[0], alert, decision, now_us)
        decided.alerts[key] = alert
        return alert, decision

    def _alert(self, decided: _Round, key: AlertKey) -> Alert:
        if key not in decided.alerts:
            component = key.component
            which = AlertFilter(namespace=component.namespace, component=component.name)
            for alert in self._ports.alerts.find(which):
                decided.alerts.setdefault(alert.key, alert)
        return decided.alerts.get(key, Alert(key))

    def _spec(self, decided: _Round, key: ComponentKey) -> tuple[Component, int] | None:
        if key not in decided.specs:
            found = self._ports.components.get(key)
            decided.specs[key] = (
                None
                if found is None
                else (Component.model_validate_json(found.spec), found.generation)
            )
        return decided.specs[key]

    def _act(
        self,
        decided: _Round,
        component: Component,
        alert: Alert,
        decision: Decision,
        now_us: int,
    ) -> Alert:
        last = self._last_acted(decided, component)
        entries = []
        for due in due_actions(component, alert, decision, last, now_us):
            if due.stopped is not None:
                if decision.changed:
                    entries.append(_action_entry(due, "action.stopped", due.stopped))
                continue
            alert = replace(alert, acted=(*alert.acted, due.request.delivery_id))
            if due.needs_approval:
                entries.append(_action_entry(due, "action.held", _UNAPPROVED))
                continue
            last[due.request.name] = now_us
            decided.deliveries.append(_delivery(due))
            entries.append(_action_entry(due, "action.ordered", alert.reason))
        if component.spec.governance.audit_trail.enabled:
            decided.audit.extend(entries)
        return alert

    def _last_acted(self, decided: _Round, component: Component) -> dict[str, int]:
        key = component.key
        if key not in decided.last_acted:
            which = DeliveryFilter(ordering_key=str(key))
            found = self._ports.deliveries.find(which, _REMEMBERED_DELIVERIES)
            decided.last_acted[key] = {_name(d): d.created_us for d in reversed(found)}
        return decided.last_acted[key]


def _is_audited(spec: tuple[Component, int] | None) -> bool:
    return spec is None or spec[0].spec.governance.audit_trail.enabled


def _name(delivery: Delivery) -> str:
    return f"{json.loads(delivery.body)['data']['action']}:{delivery.target}"


def _delivery(due: Due) -> Delivery:
    request = due.request
    return Delivery(
        id=request.delivery_id,
        kind="webhook",
        target=request.action.webhook,
        ordering_key=str(request.component.key),
        body=ACTIONS[request.action.action](request),
        created_us=request.now_us,
        next_attempt_us=request.now_us,
        expires_us=due.expires_us,
    )


def _alert_entry(alert: Alert, decision: Decision, now_us: int) -> AuditEntry:
    newest = alert.history[-1]
    body: Mapping[str, Any] = {
        "alert": alert.key.fingerprint,
        "component": str(alert.key.component),
        "version": alert.key.version,
        "modality": alert.key.modality,
        "check": alert.key.check,
        "incident": alert.incident,
        "generation": alert.generation,
        "from": decision.before.value,
        "to": decision.after.value,
        "severity": decision.severity.value,
        "reason": decision.reason,
        "window": newest.window,
        "findings": [[j.finding_id, j.revision] for j in newest.judgements],
    }
    return _entry(alert, "alert.changed", body, now_us)


def _action_entry(due: Due, kind: str, reason: str) -> AuditEntry:
    request = due.request
    body = {
        "alert": request.alert.key.fingerprint,
        "component": str(request.component.key),
        "incident": request.alert.incident,
        "action": request.name,
        "delivery": request.delivery_id,
        "reason": reason,
    }
    return _entry(request.alert, kind, body, request.now_us)


def _entry(alert: Alert, kind: str, body: Mapping[str, Any], now_us: int) -> AuditEntry:
    text = msgspec.json.encode(body, order="deterministic").decode()
    return AuditEntry(alert.key.component.namespace, now_us, kind, text)
