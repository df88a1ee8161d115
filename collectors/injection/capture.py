"""What a sidecar reads of its component: the capture ConfigMap, its name and its hash.

Thresholds, actions and the like stay out: they act elsewhere, and a change of theirs must not make
every sidecar look outdated. The baseline stays out because no pod has its file: live pictures have
no embeddings under injection, which the sidecar's log says.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import yaml

from collectors.injection.sidecar import COMPONENT_FILE, SETTINGS_FILE, Subject
from governance.component.schema import PrivacyLevel

if TYPE_CHECKING:
    from collectors.injection.base import Manifest
    from governance.component.load import LoadedComponent
    from governance.component.schema import Component
    from governance.config import BusSettings

KEY_SECRET: Final = "evenhand-privacy-key"  # noqa: S105 - the name of a Secret
"""The Secret of a namespace that holds ``NAMESPACE.key``."""

MANAGED: Final = "evenhand.io/managed-by"

_KEPT = ("model", "signals", "capture")
_LONGEST_NAME = 253


def config_map_name(component: str) -> str:
    """``evenhand-NAME``, cut and marked where Kubernetes allows no longer name."""
    name = f"evenhand-{component}"
    if len(name) <= _LONGEST_NAME:
        return name
    mark = hashlib.sha256(component.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9]}-{mark}"


def needs_key(component: Component) -> bool:
    """Whether the privacy level names things by keyed codes."""
    return component.spec.governance.data_privacy.level is not PrivacyLevel.OPEN


def subject_of(loaded: LoadedComponent, bus: BusSettings) -> Subject:
    """What a pod of this component is given."""
    component = loaded.component
    texts = _texts(loaded, bus)
    return Subject(
        namespace=component.metadata.namespace,
        name=component.metadata.name,
        config_map=config_map_name(component.metadata.name),
        config_hash=hashlib.sha256("\0".join(texts.values()).encode()).hexdigest()[:16],
        key_secret=KEY_SECRET if needs_key(component) else None,
    )


def config_map(loaded: LoadedComponent, bus: BusSettings) -> Manifest:
    """The ConfigMap in the pods' namespace."""
    metadata = loaded.component.metadata
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(metadata.name),
            "namespace": metadata.namespace,
            "labels": {MANAGED: "evenhand"},
        },
        "data": _texts(loaded, bus),
    }


def _texts(loaded: LoadedComponent, bus: BusSettings) -> dict[str, str]:
    settings = {"bus": {"url": bus.url, "client": bus.client, "partitions": bus.partitions}}
    return {COMPONENT_FILE: _yaml(_captured(loaded)), SETTINGS_FILE: _yaml(settings)}


def _captured(loaded: LoadedComponent) -> dict[str, Any]:
    document = json.loads(loaded.canonical)
    metadata, spec = loaded.component.metadata, document["spec"]
    kept = {key: spec[key] for key in _KEPT if key in spec}
    privacy = (spec.get("governance") or {}).get("dataPrivacy")
    if privacy is not None:
        kept["governance"] = {"dataPrivacy": privacy}
    windows = (spec.get("monitoring") or {}).get("windows")
    if windows is not None:  # sums of embeddings are gathered window by window
        kept["monitoring"] = {"windows": windows}
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": {"name": metadata.name, "namespace": metadata.namespace},
        "spec": kept,
    }


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=True, allow_unicode=True))
