"""/api/v1/components: what is watched, how it stands, and what it is measured against."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from alerting.declared import Declared
from alerting.sight import sight_of
from governance.clock import SystemClock, format_instant
from governance.component.key import ComponentKey
from governance.service.auth import Principal, Role, require
from governance.service.cursors import read_cursor, write_cursor
from governance.service.problems import ProblemError
from governance.service.reply import reply
from governance.service.routes.shapes import (
    ComponentsShape,
    Cursor,
    Limit,
    Name,
    Namespace,
    ReferencesShape,
    ShownComponentShape,
    Text,
)
from governance.service.stores import Store
from governance.store.alerts import AlertFilter
from governance.store.presence import NOBODY, Presences
from governance.store.references import References

if TYPE_CHECKING:
    from governance.store.components import ComponentSummary

router = APIRouter(prefix="/api/v1/components", tags=["components"])
Reader = Annotated[Principal, Depends(require(Role.READ))]


@router.get("", response_model=ComponentsShape)
def list_components(
    request: Request,
    reader: Reader,
    *,
    namespace: Text = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Every component that the token may see, with its versions and their last windows."""
    store: Store = request.app.state.store
    after = read_cursor(cursor, 2)
    found = [
        summary
        for summary in store.components.find(namespace)
        if reader.sees(summary.component.namespace) and (after is None or _key(summary) > after)
    ]
    page = found[:limit]
    following = write_cursor(_key(page[-1])) if len(found) > limit else None
    return reply(request, {"components": [_summary(c) for c in page], "cursor": following})


@router.get("/{namespace}/{name}", response_model=ShownComponentShape)
def show_component(request: Request, namespace: Namespace, name: Name, _: Reader) -> Response:
    """One component: its spec, its newest findings, its alerts, and whether it is in sight."""
    store: Store = request.app.state.store
    found = _found(store, ComponentKey(namespace, name))
    alerts = store.alerts.find(AlertFilter(namespace=namespace, component=name))
    presence = Presences(store.engine, store.group).find().get(found.component, NOBODY)
    monitoring = Declared.read(found).component.spec.monitoring
    sight = sight_of(presence, monitoring, SystemClock().now_us())
    shown = {
        **_summary(found),
        "status": sight.status.value,
        "reason": sight.reason,
        "spec": json.loads(found.spec),
        "findings": [json.loads(row.body) for row in store.findings.latest(found.component)],
        "alerts": [
            {"check": a.key.check, "version": a.key.version, "state": a.state.value} for a in alerts
        ],
    }
    return reply(request, shown)


@router.get("/{namespace}/{name}/references", response_model=ReferencesShape)
def list_references(request: Request, namespace: Namespace, name: Name, _: Reader) -> Response:
    """The references that the newest findings were measured against."""
    store: Store = request.app.state.store
    named = _named(store, _found(store, ComponentKey(namespace, name)).component)
    sizes = References(store.engine).sizes(named)
    shown = [
        {
            "reference": reference,
            "versions": sorted(versions),
            "created": format_instant(sizes[reference][0]) if reference in sizes else None,
            "size_bytes": sizes[reference][1] if reference in sizes else None,
        }
        for reference, versions in sorted(named.items())
    ]
    return reply(request, {"references": shown})


@router.get(
    "/{namespace}/{name}/references/{reference}",
    responses={200: {"description": "The profile", "content": {"application/json": {}}}},
    response_class=Response,
)
def show_reference(
    request: Request, namespace: Namespace, name: Name, reference: str, _: Reader
) -> Response:
    """The profile itself, as ``evenhand baseline`` writes it; of this component only."""
    store: Store = request.app.state.store
    key = _found(store, ComponentKey(namespace, name)).component
    profile = References(store.engine).get(reference) if reference in _named(store, key) else None
    if profile is None:
        words = f"no reference {reference[:80]!r} of {key} is kept here"
        raise ProblemError(HTTPStatus.NOT_FOUND, words)
    return reply(request, profile)


def _found(store: Store, key: ComponentKey) -> ComponentSummary:
    found = store.components.get(key)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no component is called {key}")
    return found


def _named(store: Store, key: ComponentKey) -> dict[str, set[str]]:
    named: dict[str, set[str]] = {}
    for row in store.findings.latest(key):
        reference = json.loads(row.body)["reference"]
        if reference:
            named.setdefault(reference, set()).add(row.version)
    return named


def _key(summary: ComponentSummary) -> tuple[str, str]:
    return summary.component.namespace, summary.component.name


def _summary(component: ComponentSummary) -> dict[str, Any]:
    return {
        "namespace": component.component.namespace,
        "name": component.component.name,
        "generation": component.generation,
        "commit": component.commit,
        "versions": [
            {"version": v.version, "window": v.window.to_json()} for v in component.versions
        ],
    }
