"""A placement as a changed pod, and the difference of two manifests as JSON Patch (RFC 6902)."""

from __future__ import annotations

import copy
from typing import Any, Final

from collectors.injection import manifests
from collectors.injection.base import (
    CONFIG_HASH,
    PLACED,
    REASON,
    STATUS,
    Argument,
    Manifest,
    Placement,
    Refusal,
    Road,
    Variable,
)
from collectors.injection.runtimes import find
from collectors.injection.sidecar import (
    SidecarSettings,
    Subject,
    sidecar_container,
    sidecar_volumes,
)

Operation = dict[str, Any]

INJECTED: Final = "injected"
REFUSED: Final = "refused"


def injected(
    pod: Manifest, placement: Placement, subject: Subject, settings: SidecarSettings
) -> Manifest:
    """The pod with its sidecar; the pod that is given stays as it is."""
    changed = copy.deepcopy(pod)
    spec = changed["spec"]
    app = manifests.named(changed, placement.container)
    if app is not None:
        _change_app(app, placement)
    container = sidecar_container(pod, placement, subject, settings)
    # Last among its like: what fetches the model comes before it.
    kind = "initContainers" if placement.native else "containers"
    spec[kind] = [*(spec.get(kind) or ()), container]
    spec["volumes"] = [*(spec.get("volumes") or ()), *sidecar_volumes(subject, settings)]
    said = {STATUS: INJECTED, PLACED: str(placement), CONFIG_HASH: subject.config_hash}
    return _annotated(changed, said)


def refused(pod: Manifest, refusal: Refusal) -> Manifest:
    """The pod as it is, saying why it was left so."""
    return _annotated(copy.deepcopy(pod), {STATUS: REFUSED, REASON: str(refusal)})


def json_patch(before: Any, after: Any, path: str = "") -> list[Operation]:
    """The operations that make ``after`` of ``before``; lists only grow, at their end."""
    if type(before) is not type(after):
        return [{"op": "replace", "path": path, "value": after}]
    if isinstance(before, dict):
        return _of_mappings(before, after, path)
    if isinstance(before, list) and len(after) >= len(before):
        operations = []
        for i, (old, new) in enumerate(zip(before, after, strict=False)):
            operations += json_patch(old, new, f"{path}/{i}")
        added = after[len(before) :]
        return operations + [{"op": "add", "path": f"{path}/-", "value": item} for item in added]
    return [] if before == after else [{"op": "replace", "path": path, "value": after}]


def _of_mappings(before: Manifest, after: Manifest, path: str) -> list[Operation]:
    gone = [key for key in before if key not in after]
    operations: list[Operation] = [
        {"op": "remove", "path": f"{path}/{_escaped(key)}"} for key in gone
    ]
    for key, value in after.items():
        place = f"{path}/{_escaped(key)}"
        if key in before:
            operations += json_patch(before[key], value, place)
        else:
            operations.append({"op": "add", "path": place, "value": value})
    return operations


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _annotated(pod: Manifest, said: dict[str, str]) -> Manifest:
    metadata = pod.setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **said}
    return pod


def _change_app(app: Manifest, placement: Placement) -> None:
    if placement.road is Road.KNATIVE:
        _set_variable(app, "USER_PORT", placement.listen)
        return
    real = placement.upstream
    known = {placement.listen, manifests.name_of(app, placement.listen)}
    if placement.renamed is not None:
        known = {placement.renamed}
        _declare(app, placement.renamed, placement.listen)
    for handler, _ in manifests.handlers(app):
        if handler.get("port") in known:
            handler["port"] = real  # the kubelet asks the app itself, not the sidecar
    if isinstance(placement.told, Variable):
        _set_variable(app, placement.told.name, real)
    elif isinstance(placement.told, Argument):
        _set_argument(app, placement.told, real)


def _declare(app: Manifest, name: str, number: int) -> None:
    for port in manifests.ports(app):
        if port.get("name") == name:
            port["containerPort"] = number


def _set_variable(container: Manifest, name: str, number: int) -> None:
    declared = manifests.variable(container, name)
    if declared is None:
        environment = container.get("env") or []
        container["env"] = [*environment, {"name": name, "value": str(number)}]
    else:
        declared.pop("valueFrom", None)
        declared["value"] = str(number)


def _set_argument(container: Manifest, told: Argument, number: int) -> None:
    arguments = container.get(told.field) or []
    place = find([str(word) for word in arguments], told.flag)
    if place is None:
        container[told.field] = [*arguments, f"{told.flag}={number}"]
    else:
        index, joined = place
        arguments[index] = f"{told.flag}={number}" if joined else str(number)
