"""The CustomResourceDefinition of ``MultimodalAIComponent``, made from the one schema.

Nothing of it is written by hand twice: what a field may hold comes from the models, what they check
in code comes from ``crd_rules.py``. ``evenhand crd`` prints it; a test holds the chart's file
against it.
"""

from __future__ import annotations

from typing import Any

import yaml

from governance.component.crd_rules import closed_lists, rules
from governance.component.schema import API_VERSION, KIND, Spec
from governance.component.status import ComponentStatus
from governance.component.structural import structural

GROUP, VERSION = API_VERSION.split("/")
PLURAL = "multimodalaicomponents"
NAME = f"{PLURAL}.{GROUP}"
SHORT_NAMES = ("aic", "mmac")

_HEAD = """\
# MultimodalAIComponent: what is watched, and how strictly. Made from the program's schema:
#     evenhand crd > helm/evenhand/crds/multimodalaicomponents.yaml
"""


def custom_resource_definition() -> dict[str, Any]:
    """The CRD as one Kubernetes object (apiextensions.k8s.io/v1)."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": list(SHORT_NAMES),
                "categories": ["evenhand"],
            },
            "scope": "Namespaced",
            "versions": [_version()],
        },
    }


def crd_text() -> str:
    """The CRD as YAML that YAML 1.1 and 1.2 read alike."""
    document = custom_resource_definition()
    return _HEAD + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=100)


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice: no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            _column("Model", ".spec.model.name"),
            _column("Version", ".spec.model.version"),
            _column("Status", ".status.worstStatus"),
            _column("Firing", ".status.alerts.firing", type="integer"),
            _column("Window", ".status.lastWindow.end", type="date"),
            _column("In-Force", ".status.conditions[?(@.type=='InForce')].status"),
            _column("Modality", ".spec.model.modality", priority=1),
            _column("Injected", ".status.pods.injected", type="integer", priority=1),
            _column("Age", ".metadata.creationTimestamp", type="date"),
        ],
        "schema": {"openAPIV3Schema": _schema()},
    }


def _column(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "string", "jsonPath": path} | more


def _schema() -> dict[str, Any]:
    spec = Spec.model_json_schema(by_alias=True)
    closed_lists(spec["$defs"])
    by_class = rules()
    written = structural(spec, {k: v for k, v in by_class.items() if k != Spec.__name__})
    return {
        "description": "One AI component: what is watched of it, and how strictly.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "enum": [API_VERSION]},
            "kind": {"type": "string", "enum": [KIND]},
            "metadata": {"type": "object"},
            "spec": written | by_class[Spec.__name__],
            "status": structural(ComponentStatus.model_json_schema(by_alias=True), {}),
        },
    }
