"""One round of evaluation: findings in; alerts, deliveries and audit rows out, together."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from alerting.actions.orders import Orders
from alerting.declared import Declared
from alerting.evaluate import observations, whole_judgements
from alerting.inhibition import inhibited
from alerting.judged import judged_entries
from alerting.lifecycle import step
from alerting.rule import rule_of
from alerting.stages import ActionPolicy
from governance.alert import Alert
from governance.audit import AuditEntry, Cause, entry_of
from governance.store.alerts import AlertFilter
from governance.store.outcomes import Evaluation, write_evaluation
from governance.store.pauses import Pauses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from alerting.feed import Feed
    from alerting.lifecycle import Decision
    from alerting.rule import Rule
    from governance.alert import AlertKey, Observation
    from governance.clock import Clock
    from governance.component.key import ComponentKey
    from governance.store.alerts import Alerts
    from governance.store.components import Components
    from governance.store.deliveries import Deliveries, Delivery
    from governance.store.findings import Findings, StoredFinding
    from governance.store.leases import Lease

ROUND = 1_000  # findings looked at in one transaction


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

    orders: Orders
    alerts: dict[AlertKey, Alert] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    declared: dict[ComponentKey, Declared | None] = field(default_factory=dict)


class Evaluator:
    """Steps alerts over findings that nobody has evaluated yet."""

    def __init__(
        self,
        ports: Ports,
        clock: Clock,
        rule: Rule,
        *,
        policy: ActionPolicy = ActionPolicy(),  # noqa: B008 - frozen
        feed: Feed | None = None,
    ) -> None:
        self._ports = ports
        self._policy = policy
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
        now_us, changed = self._clock.now_us(), []
        pauses = Pauses(self._ports.engine)
        decided = _Round(Orders(self._ports.deliveries, pauses, self._policy, now_us))
        decided.audit += judged_entries(stored, partial(self._declared, decided), now_us)
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
        declared = self._declared(decided, key.component)
        component = None if declared is None else declared.component
        alert, decision = step(before, seen, rule_of(component, key.check, self._rule), now_us)
        if decision.changed and (declared is None or declared.audited):
            decided.audit.append(_alert_entry(declared, alert, decision, now_us))
        if declared is not None:
            alert = replace(alert, generation=declared.generation)
            why_not = inhibited(alert, decided.alerts)
            ordered = decided.orders.of(declared, alert, decision, inhibited=why_not)
            alert = ordered.alert
            decided.deliveries += ordered.deliveries
            decided.audit += ordered.audit
        decided.alerts[key] = alert
        return alert, decision

    def _alert(self, decided: _Round, key: AlertKey) -> Alert:
        if key not in decided.alerts:
            component = key.component
            which = AlertFilter(namespace=component.namespace, component=component.name)
            for alert in self._ports.alerts.find(which):
                decided.alerts.setdefault(alert.key, alert)
        return decided.alerts.get(key, Alert(key))

    def _declared(self, decided: _Round, key: ComponentKey) -> Declared | None:
        if key not in decided.declared:
            found = self._ports.components.get(key)
            decided.declared[key] = None if found is None else Declared.read(found)
        return decided.declared[key]


def _alert_entry(
    declared: Declared | None, alert: Alert, decision: Decision, now_us: int
) -> AuditEntry:
    newest = alert.history[-1]
    facts = {
        "alert": alert.key.fingerprint,
        "component": str(alert.key.component),
        "version": alert.key.version,
        "modality": alert.key.modality,
        "check": alert.key.check,
        "incident": alert.incident,
        "from": decision.before.value,
        "to": decision.after.value,
        "severity": decision.severity.value,
        "window": newest.window,
        "findings": [[j.finding_id, j.revision] for j in newest.judgements],
    }
    cause = Cause(decision.reason) if declared is None else declared.cause(decision.reason)
    return entry_of(alert.key.component.namespace, now_us, "alert.changed", cause, facts)
