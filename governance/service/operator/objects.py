"""The objects that workers and sidecars read: components, capture configurations, privacy keys.

Workers mount the ConfigMap of all components and the Secret of all keys; when either changes the
mark on their pod templates does, and Kubernetes rolls them. Sidecars mount what lies in their own
namespace. A key is made once and copied; the operator may create a namespace's Secret, not read it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from collectors.injection.capture import KEY_SECRET, config_map, needs_key
from governance.component.schema import API_VERSION, KIND
from governance.privacy import KEY_BYTES
from governance.service.operator.api import ClusterError
from governance.service.operator.resources import Resource, file_name, file_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from governance.config import BusSettings
    from governance.service.operator.api import Cluster

Manifest = dict[str, Any]

COMPONENTS: Final = "evenhand-components"
KEYS: Final = "evenhand-privacy-keys"
MARK: Final = "evenhand.io/components-hash"

# Workers refuse an empty folder, since it is mostly a mistake; another kind is skipped.
_NO_COMPONENT = "installation.yaml"
_NOTHING = "apiVersion: v1\nkind: Namespace\nmetadata: {name: evenhand}\n"
_MOST_BYTES = 1_000_000  # of a ConfigMap: etcd takes little more


@dataclass(frozen=True, slots=True)
class Place:
    """Where the installation is, and which of its Deployments read the components."""

    namespace: str
    workers: tuple[str, ...] = ()


class Objects:
    """Writes them; what this process has written and nobody changed is not written again."""

    def __init__(self, cluster: Cluster, place: Place, bus: BusSettings) -> None:
        self._cluster = cluster
        self._place = place
        self._bus = bus
        self._written: dict[str, str] = {}

    async def write(self, resources: Sequence[Resource]) -> None:
        """Everything for these components; raises ClusterError."""
        keys = await self._write_keys(_keyed(resources))
        files = await self._write_components(resources)
        await self._roll_workers(hash_of([files, sorted(keys)]))
        for resource in resources:
            await self._write_capture(resource, keys)

    async def _write_keys(self, namespaces: set[str]) -> dict[str, str]:
        """The key of each namespace as base64; missing ones are made."""
        path = f"{self._own}/secrets"
        held = await self._cluster.get(f"{path}/{KEYS}")
        keys = dict((held or {}).get("data") or {})
        missing = sorted(ns for ns in namespaces if f"{ns}.key" not in keys)
        keys |= {f"{ns}.key": _fresh_key() for ns in missing}
        body = _object("Secret", KEYS, self._place.namespace) | {"data": keys}
        if held is None:
            await self._cluster.create(path, body)
        elif missing:
            body["metadata"]["resourceVersion"] = held["metadata"]["resourceVersion"]
            if not await self._cluster.replace(f"{path}/{KEYS}", body):
                raise ClusterError(409, f"Secret {KEYS} was changed by somebody else just now")
        return keys

    async def _write_components(self, resources: Iterable[Resource]) -> dict[str, str]:
        path = f"{self._own}/configmaps"
        held = await self._cluster.get(f"{path}/{COMPONENTS}")
        before = (held or {}).get("data") or {}
        files = {_NO_COMPONENT: _NOTHING, **dict(_files(resources, before))}
        size = sum(len(name) + len(text.encode()) for name, text in files.items())
        if size > _MOST_BYTES:
            raise ClusterError(
                413,
                f"all components together are {size:,} bytes, at most {_MOST_BYTES:,}: "
                "give some namespaces an installation of their own",
            )
        body = _object("ConfigMap", COMPONENTS, self._place.namespace) | {"data": files}
        if held is None:
            await self._cluster.create(path, body)
        elif files != before:  # replaced as a whole: a component that is gone must not stay
            body["metadata"]["resourceVersion"] = held["metadata"]["resourceVersion"]
            if not await self._cluster.replace(f"{path}/{COMPONENTS}", body):
                raise ClusterError(409, f"ConfigMap {COMPONENTS} was changed just now")
        return files

    async def _roll_workers(self, mark: str) -> None:
        template = {"template": {"metadata": {"annotations": {MARK: mark}}}}
        for worker in self._place.workers:
            path = f"/apis/apps/v1/namespaces/{self._place.namespace}/deployments/{worker}"
            if self._written.get(path) != mark:
                await self._cluster.merge(path, {"spec": template})
                self._written[path] = mark

    async def _write_capture(self, resource: Resource, keys: Mapping[str, str]) -> None:
        if resource.loaded is None:
            return
        base = f"/api/v1/namespaces/{resource.namespace}"
        body = config_map(resource.loaded, self._bus)
        body["metadata"]["ownerReferences"] = [_owner(resource)]
        path, text = f"{base}/configmaps/{body['metadata']['name']}", hash_of(body)
        if self._written.get(path) != text:
            await self._cluster.apply(path, body)
            self._written[path] = text
        name = f"{resource.namespace}.key"
        if resource.namespace in _keyed([resource]) and self._written.get(base) != keys[name]:
            secret = _object("Secret", KEY_SECRET, resource.namespace) | {
                "data": {name: keys[name]}
            }
            await self._cluster.create(f"{base}/secrets", secret)
            self._written[base] = keys[name]

    @property
    def _own(self) -> str:
        return f"/api/v1/namespaces/{self._place.namespace}"


def hash_of(value: Any) -> str:
    """16 hex digits of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _files(resources: Iterable[Resource], before: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What workers are to read; where a resource became invalid, what they read before."""
    for resource in resources:
        name = file_name(resource)
        if resource.loaded is not None:
            yield name, file_text(resource.loaded)
        elif name in before:
            yield name, before[name]


def _keyed(resources: Iterable[Resource]) -> set[str]:
    """Namespaces with a component whose privacy level needs a key."""
    return {
        resource.namespace
        for resource in resources
        if resource.loaded is not None and needs_key(resource.loaded.component)
    }


def _object(kind: str, name: str, namespace: str) -> Manifest:
    labels = {"app.kubernetes.io/managed-by": "evenhand"}
    metadata: Manifest = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def _owner(resource: Resource) -> Manifest:
    """What is deleted with the component."""
    return {"apiVersion": API_VERSION, "kind": KIND, "name": resource.name, "uid": resource.uid}


def _fresh_key() -> str:
    return base64.b64encode(secrets.token_hex(KEY_BYTES).encode()).decode()
