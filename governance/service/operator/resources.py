"""A custom resource as the component that the rest of the program knows, or what is wrong with it.

A resource is judged as `evenhand validate` judges a file; there is one schema and one set of
checks. The generation that counts is the object's own.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from governance.component.load import read_object

if TYPE_CHECKING:
    from governance.component.key import ComponentKey
    from governance.component.load import LoadedComponent
    from governance.errors import Problem

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One custom resource as it was read; ``loaded`` is None where it is invalid."""

    namespace: str
    name: str
    uid: str
    generation: int
    status: Manifest
    loaded: LoadedComponent | None
    problems: tuple[Problem, ...]

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def component(self) -> ComponentKey | None:
        """The component's key."""
        return None if self.loaded is None else self.loaded.component.key


def read_resource(body: Manifest) -> Resource:
    """Read one object of the API server; nothing is raised for what is wrong with it."""
    metadata = body["metadata"]
    declared: Manifest = {k: body[k] for k in ("apiVersion", "kind", "spec") if k in body}
    namespace = str(metadata.get("namespace") or "default")
    declared["metadata"] = {"name": metadata.get("name"), "namespace": namespace}
    name = str(metadata.get("name") or metadata.get("generateName") or "")
    reading = read_object(declared, f"{namespace}/{name}")
    loaded = reading.components[0] if reading.components and not reading.problems else None
    return Resource(
        namespace=namespace,
        name=name,
        uid=str(metadata.get("uid", "")),
        generation=int(metadata.get("generation", 0)),
        status=body.get("status") or {},
        loaded=loaded,
        problems=reading.problems,
    )


def spec_hash(canonical: str) -> str:
    """Of a component as generations record it: what is declared, and what is in force."""
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def file_name(resource: Resource) -> str:
    """The key of the workers' ConfigMap; a namespace holds no dot, so none stands for two."""
    return f"{resource.namespace}.{resource.name}.yaml"


def file_text(loaded: LoadedComponent) -> str:
    """The file that workers read: the canonical text as YAML, from which the same comes back."""
    return str(yaml.safe_dump(json.loads(loaded.canonical), sort_keys=True, allow_unicode=True))
