"""/api/v1/alerts and /api/v1/deliveries: what has people's attention, and what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from governance.alert import AlertState
from governance.clock import format_instant
from governance.component.key import ComponentKey
from governance.service.auth import Principal, Role, require
from governance.service.stores import Store
from governance.store.alerts import AlertFilter
from governance.store.deliveries import DeliveryFilter, DeliveryState

if TYPE_CHECKING:
    from governance.alert import Alert
    from governance.store.deliveries import Delivery

router = APIRouter(prefix="/api/v1", tags=["alerts"])
Reader = Annotated[Principal, Depends(require(Role.READ))]


@router.get("/alerts")
def list_alerts(
    request: Request,
    reader: Reader,
    *,
    namespace: str | None = None,
    component: str | None = None,
    state: Annotated[list[AlertState] | None, Query()] = None,
) -> dict[str, Any]:
    """Alerts as they stand; ``state`` may be given several times."""
    store: Store = request.app.state.store
    which = AlertFilter(namespace=namespace, component=component, states=tuple(state or ()))
    found = [a for a in store.alerts.find(which) if reader.sees(a.key.component.namespace)]
    return {"alerts": [_alert(alert) for alert in found]}


@router.get("/deliveries")
def list_deliveries(
    request: Request,
    reader: Reader,
    *,
    state: Annotated[list[DeliveryState] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> dict[str, Any]:
    """What was sent to webhooks, newest first."""
    store: Store = request.app.state.store
    found = store.deliveries.find(DeliveryFilter(states=tuple(state or ())), limit)
    return {
        "deliveries": [
            _delivery(delivery)
            for delivery in found
            if reader.sees(ComponentKey.parse(delivery.ordering_key).namespace)
        ]
    }


def _alert(alert: Alert) -> dict[str, Any]:
    key = alert.key
    return {
        "fingerprint": key.fingerprint,
        "namespace": key.component.namespace,
        "component": key.component.name,
        "version": key.version,
        "modality": key.modality,
        "check": key.check,
        "state": alert.state.value,
        "severity": alert.severity.value,
        "incident": alert.incident,
        "generation": alert.generation,
        "reason": alert.reason,
        "pending_since": _instant(alert.pending_since_us),
        "firing_since": _instant(alert.firing_since_us),
        "resolved_at": _instant(alert.resolved_at_us),
        "windows": [
            {
                "number": window.window,
                "start": format_instant(window.start_us),
                "end": format_instant(window.end_us),
                "status": window.status.value,
                "judgements": [
                    {
                        "subject": j.subject,
                        "status": j.status.value,
                        "finding": j.finding_id,
                        "revision": j.revision,
                        "summary": j.summary,
                    }
                    for j in window.judgements
                ],
            }
            for window in alert.history
        ],
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "webhook": delivery.target,
        "component": delivery.ordering_key,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "created": format_instant(delivery.created_us),
        "expires": _instant(delivery.expires_us),
        "last_error": delivery.last_error,
    }


def _instant(at_us: int | None) -> str | None:
    return None if at_us is None else format_instant(at_us)
