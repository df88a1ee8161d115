"""Answers to AdmissionReviews: a pod's sidecar, and whether a component is valid. Pure.

Both webhooks are there to help: what they cannot decide they allow, and say why.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.injection.base import COMPONENT_LABEL, Placement, Refusal
from collectors.injection.capture import subject_of
from collectors.injection.manifests import label
from collectors.injection.patch import injected, json_patch, refused
from collectors.injection.place import place
from governance.service.operator.resources import read_resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.injection.sidecar import SidecarSettings
    from governance.config import BusSettings

Manifest = dict[str, Any]

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Injector:
    """What decides for all pods: the sidecar, the bus, the cluster's version."""

    sidecar: SidecarSettings
    bus: BusSettings
    version: tuple[int, int]

    def decide(
        self, pod: Manifest, services: Sequence[Manifest], component: Manifest | None
    ) -> tuple[Manifest, Placement | Refusal]:
        """The pod as it is to be, and why; ``component`` is the custom resource, if there is."""
        name = label(pod, COMPONENT_LABEL) or ""
        resource = None if component is None else read_resource(component)
        if resource is None:
            return _left(pod, Refusal("no_component", f"no MultimodalAIComponent {name!r} here"))
        if resource.loaded is None:
            first = resource.problems[0]
            return _left(pod, Refusal("invalid_component", f"{first.path}: {first.message}"))
        decision = place(pod, services, self.version)
        if isinstance(decision, Refusal):
            return _left(pod, decision)
        subject = subject_of(resource.loaded, self.bus)
        return injected(pod, decision, subject, self.sidecar), decision


def _left(pod: Manifest, refusal: Refusal) -> tuple[Manifest, Refusal]:
    # What is injected already stays as it says; a pod that wants none needs no words.
    if refusal.code in {"injected", "not_wanted"}:
        return pod, refusal
    return refused(pod, refusal), refusal


def pod_of(request: Manifest) -> Manifest:
    """The pod of a request; its namespace may be said by the request alone."""
    pod = dict(request["object"])
    pod["metadata"] = {**(pod.get("metadata") or {})}
    return pod


def answer_pod(request: Manifest, after: Manifest, decision: Placement | Refusal) -> Manifest:
    """The AdmissionReview that admits a pod, changed or not."""
    operations = json_patch(request["object"], after)
    response: Manifest = {"uid": request["uid"], "allowed": True}
    if operations:
        patch = json.dumps(operations, separators=(",", ":")).encode()
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(patch).decode()}
    if isinstance(decision, Placement):
        response["auditAnnotations"] = {"placement": str(decision)}
        notes = list(decision.notes)
    else:
        response["auditAnnotations"] = {"refusal": str(decision)}
        notes = [] if decision.code in {"injected", "not_wanted"} else [str(decision)]
    if notes:
        response["warnings"] = [f"evenhand: {note}"[:250] for note in notes]
    return _review(response)


def answer_component(request: Manifest) -> Manifest:
    """The AdmissionReview that allows a component, or says everything that is wrong with it."""
    response: Manifest = {"uid": request["uid"], "allowed": True}
    if request.get("operation") != "DELETE":
        resource = read_resource(request["object"])
        problems = [f"{p.path}: {p.message}" for p in resource.problems]
        if problems:
            rest = len(problems) - _MOST_PROBLEMS
            shown = problems[:_MOST_PROBLEMS] + ([f"and {rest} more"] if rest > 0 else [])
            status = {"code": 422, "reason": "Invalid", "message": "; ".join(shown)}
            response |= {"allowed": False, "status": status}
    return _review(response)


def allowed(request: Manifest, warning: str) -> Manifest:
    """The AdmissionReview for what could not be decided."""
    return _review({"uid": request["uid"], "allowed": True, "warnings": [warning[:250]]})


def _review(response: Manifest) -> Manifest:
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
