"""/api/v1/components: what is watched, and how it stands."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request

from governance.component.key import ComponentKey
from governance.service.auth import Principal, Role, require
from governance.service.problems import ProblemError
from governance.service.stores import Store
from governance.store.alerts import AlertFilter

if TYPE_CHECKING:
    from governance.store.components import ComponentSummary

router = APIRouter(prefix="/api/v1/components", tags=["components"])
Reader = Annotated[Principal, Depends(require(Role.READ))]


@router.get("")
def list_components(request: Request, reader: Reader) -> dict[str, Any]:
    """Every component that the token may see, with its versions and their last windows."""
    store: Store = request.app.state.store
    found = [c for c in store.components.find() if reader.sees(c.component.namespace)]
    return {"components": [_summary(component) for component in found]}


@router.get("/{namespace}/{name}")
def show_component(request: Request, namespace: str, name: str, _: Reader) -> dict[str, Any]:
    """One component: its spec, its newest findings, its alerts."""
    store: Store = request.app.state.store
    key = ComponentKey(namespace, name)
    found = store.components.get(key)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no component is called {key}")
    alerts = store.alerts.find(AlertFilter(namespace=namespace, component=name))
    return {
        **_summary(found),
        "spec": json.loads(found.spec),
        "findings": [json.loads(row.body) for row in store.findings.latest(key)],
        "alerts": [{"check": a.key.check, "state": a.state.value} for a in alerts],
    }


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
