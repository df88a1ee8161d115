"""/api/v1/alerts: what has people's attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from governance.alert import AlertState
from governance.clock import format_instant
from governance.service.auth import Principal, Role, require
from governance.service.cursors import read_cursor, write_cursor
from governance.service.reply import reply
from governance.service.routes.shapes import AlertsShape, Cursor, Limit, Text
from governance.service.stores import Store
from governance.store.alerts import AlertFilter

if TYPE_CHECKING:
    from governance.alert import Alert

router = APIRouter(prefix="/api/v1", tags=["alerts"])
Reader = Annotated[Principal, Depends(require(Role.READ))]


@router.get("/alerts", response_model=AlertsShape)
def list_alerts(  # noqa: PLR0913 - one parameter a filter
    request: Request,
    reader: Reader,
    *,
    namespace: Text = None,
    component: Text = None,
    check: Text = None,
    state: Annotated[list[AlertState] | None, Query(max_length=8)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Alerts as they stand; ``state`` may be given several times."""
    store: Store = request.app.state.store
    which = AlertFilter(
        namespaces=reader.visible,
        namespace=namespace,
        component=component,
        check=check,
        states=tuple(state or ()),
    )
    found = store.alerts.page(which, read_cursor(cursor, 5), limit + 1)
    page = found[:limit]
    following = write_cursor(_key(page[-1])) if len(found) > limit else None
    return reply(request, {"alerts": [_alert(alert) for alert in page], "cursor": following})


def _key(alert: Alert) -> tuple[str, ...]:
    key = alert.key
    component = (key.component.namespace, key.component.name)
    return (*component, key.version, key.modality, key.check)


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


def _instant(at_us: int | None) -> str | None:
    return None if at_us is None else format_instant(at_us)
