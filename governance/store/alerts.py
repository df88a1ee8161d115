"""Alerts as they stand: one row each, written by the evaluator, read by everyone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select, tuple_

from governance.alert import Alert, AlertKey, AlertState
from governance.store.engine import snapshot, transaction
from governance.store.tables import alerts
from governance.store.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection, Engine


_KEY = tuple(alerts.primary_key)


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts; None and no states = any. ``namespaces`` are those that may be seen at all."""

    namespaces: tuple[str, ...] | None = None
    namespace: str | None = None
    component: str | None = None
    version: str | None = None
    check: str | None = None
    states: tuple[AlertState, ...] = ()
    changed_since_us: int | None = None  # inclusive


class Alerts:
    """The port; raises StoreError when the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, key: AlertKey) -> Alert | None:
        """The alert with this key, or None."""
        component = key.component
        query = select(alerts.c.body).where(
            alerts.c.namespace == component.namespace,
            alerts.c.component == component.name,
            alerts.c.version == key.version,
            alerts.c.modality == key.modality,
            alerts.c.check == key.check,
        )
        with snapshot(self._engine) as connection:
            body = connection.execute(query).scalar()
        return None if body is None else _read(body)

    def put(self, alert: Alert) -> None:
        """Write one alert in a transaction of its own."""
        with transaction(self._engine) as connection:
            put_alerts(connection, [alert])

    def find(self, which: AlertFilter | None = None) -> list[Alert]:
        """Alerts in order of their key."""
        query = select(alerts.c.body).where(*_conditions(which or AlertFilter()))
        with snapshot(self._engine) as connection:
            found = [_read(body) for body in connection.execute(query).scalars()]
        return sorted(found, key=lambda alert: alert.key)

    def page(
        self, which: AlertFilter, after: tuple[str, ...] | None = None, limit: int = 100
    ) -> list[Alert]:
        """Alerts in order of their key, from behind the key ``after``; raises StoreError."""
        query = select(alerts.c.body).where(*_conditions(which))
        if after is not None:
            query = query.where(tuple_(*_KEY) > tuple_(*after))
        with snapshot(self._engine) as connection:
            found = connection.execute(query.order_by(*_KEY).limit(limit))
            return [_read(body) for body in found.scalars()]


def put_alerts(connection: Connection, changed: Iterable[Alert]) -> None:
    """Insert or replace alerts inside a given transaction."""
    upsert(connection, alerts, [_row(alert) for alert in changed])


def _row(alert: Alert) -> dict[str, Any]:
    key = alert.key
    return {
        "namespace": key.component.namespace,
        "component": key.component.name,
        "version": key.version,
        "modality": key.modality,
        "check": key.check,
        "fingerprint": key.fingerprint,
        "state": alert.state.value,
        "severity": alert.severity.value,
        "incident": alert.incident,
        "changed_at": alert.changed_at_us,
        "body": msgspec.json.encode(alert).decode(),
    }


def _read(body: str) -> Alert:
    return msgspec.json.decode(body, type=Alert)


def _conditions(which: AlertFilter) -> list[ColumnElement[bool]]:
    asked = {name: getattr(which, name) for name in ("namespace", "component", "version", "check")}
    conditions = [alerts.c[name] == value for name, value in asked.items() if value is not None]
    if which.namespaces is not None:
        conditions.append(alerts.c.namespace.in_(which.namespaces))
    if which.states:
        conditions.append(alerts.c.state.in_([state.value for state in which.states]))
    if which.changed_since_us is not None:
        conditions.append(alerts.c.changed_at >= which.changed_since_us)
    return conditions
