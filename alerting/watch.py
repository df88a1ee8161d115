"""What follows from the wall clock: a component goes blind or is seen again, a version retires.

One round reads how everything stands, steps the pure rules of ``sight.py`` and ``lifecycle.py``,
and writes alerts and audit lines in one transaction under the lease.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from alerting.lifecycle import hold, retire
from alerting.sight import BLIND_CHECK, blind_key, step_blind
from governance.alert import Alert, AlertState
from governance.audit import AuditEntry, entry_of
from governance.finding import Status
from governance.store.alerts import AlertFilter
from governance.store.outcomes import Evaluation, write_evaluation

if TYPE_CHECKING:
    from alerting.evaluator import Ports
    from alerting.lifecycle import Decision
    from alerting.standing import Standing, Standings
    from governance.clock import Clock
    from governance.component.key import ComponentKey
    from governance.store.leases import Lease

_OPEN = (AlertState.PENDING, AlertState.FIRING)


@dataclass(slots=True)
class _Round:
    """What a round has decided."""

    alerts: list[Alert] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    changed: list[Alert] = field(default_factory=list)


class Watch:
    """Looks at every component by the wall clock."""

    def __init__(self, ports: Ports, standings: Standings, clock: Clock) -> None:
        self._ports = ports
        self._standings = standings
        self._clock = clock

    def look(self, lease: Lease) -> list[Alert]:
        """One round; returns the alerts that changed state.

        Raises
        ------
        Fenced
            If another evaluator has taken over; nothing was written.
        StoreError
            If the database is away.
        """
        now_us, decided = self._clock.now_us(), _Round()
        standings = self._standings.read(now_us)
        known = self._ports.alerts.find(AlertFilter(check=BLIND_CHECK))
        blind = {alert.key.component: alert for alert in known}
        for key, standing in standings.items():
            self._see(decided, blind.get(key), standing, now_us)
        for alert in self._ports.alerts.find(AlertFilter(states=_OPEN)):
            seen = standings.get(alert.key.component)
            if seen is not None and alert.key.check != BLIND_CHECK:
                _tend(decided, alert, seen, now_us)
        if decided.alerts:
            write_evaluation(
                self._ports.engine,
                lease,
                Evaluation(alerts=decided.alerts, audit=decided.audit, group=self._ports.group),
            )
        return decided.changed

    def _see(self, decided: _Round, before: Alert | None, standing: Standing, now_us: int) -> None:
        key = blind_key(standing.declared.component.key)
        alert, decision = step_blind(before or Alert(key), standing.sight, now_us)
        if decision.changed:
            _note(decided, alert, decision, standing, now_us)


def _tend(decided: _Round, alert: Alert, standing: Standing, now_us: int) -> None:
    """End the alert of a version that is gone; say why another one is held."""
    why = standing.retired(alert.key.version, now_us)
    if why is not None:
        ended, decision = retire(alert, why, now_us)
        _note(decided, ended, decision, standing, now_us)
    elif standing.sight.status is not Status.OK:
        held = hold(alert, f"the component is {standing.sight.status.value}")
        if held.reason != alert.reason:
            decided.alerts.append(held)


def _note(
    decided: _Round, alert: Alert, decision: Decision, standing: Standing, now_us: int
) -> None:
    alert = replace(alert, generation=standing.declared.generation)
    decided.alerts.append(alert)
    decided.changed.append(alert)
    if standing.declared.audited:
        decided.audit.append(_entry(alert, decision, standing, now_us))


def _entry(alert: Alert, decision: Decision, standing: Standing, now_us: int) -> AuditEntry:
    key: ComponentKey = alert.key.component
    facts = {
        "alert": alert.key.fingerprint,
        "component": str(key),
        "version": alert.key.version,
        "modality": alert.key.modality,
        "check": alert.key.check,
        "incident": alert.incident,
        "from": decision.before.value,
        "to": decision.after.value,
        "severity": decision.severity.value,
    }
    cause = standing.declared.cause(decision.reason)
    return entry_of(key.namespace, now_us, "alert.changed", cause, facts)
