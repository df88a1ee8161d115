"""Answers to AdmissionReviews: a pod's sidecar, and whether a component is valid. Pure.

Both webhooks are there to help: what they cannot decide they allow, and say why.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from collectors.injection.base import COMPONENT_LABEL, Placement, Refusal
from collectors.injection.capture import subject_of
from collectors.injection.manifests import label
from collectors.injection.patch import injected, json_patch, refused
from collectors.injection.place import place
from governance.service.operator.resources import read_resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.injection.sidecar import SidecarSettings, Subject
    from governance.config import BusSettings

Manifest = dict[str, Any]

_MOST_PROBLEMS = 20
_MOST_READ = 2_000


class Injector:
    """What decides for all pods: the sidecar, the bus, the cluster's version.

    A component is read once for each of its versions: a roll-out asks for one many times.
    """

    def __init__(
        self, sidecar: SidecarSettings, bus: BusSettings, version: tuple[int, int]
    ) -> None:
        self._sidecar = sidecar
        self._bus = bus
        self._version = version
        self._read: dict[tuple[str, str], Subject | Refusal] = {}

    def decide(
        self, pod: Manifest, services: Sequence[Manifest], component: Manifest | None
    ) -> tuple[Manifest, Placement | Refusal]:
        """The pod as it is to be, and why; ``component`` is the custom resource, if there is."""
        subject = self._subject(label(pod, COMPONENT_LABEL) or "", component)
        if isinstance(subject, Refusal):
            return _left(pod, subject)
        decision = place(pod, services, self._version)
        if isinstance(decision, Refusal):
            return _left(pod, decision)
        return injected(pod, decision, subject, self._sidecar), decision

    def _subject(self, name: str, component: Manifest | None) -> Subject | Refusal:
        if component is None:
            return Refusal("no_component", f"no MultimodalAIComponent {name!r} here")
        metadata = component["metadata"]
        mark = str(metadata.get("uid")), str(metadata.get("generation"))
        found = self._read.get(mark)
        if found is None:
            if len(self._read) >= _MOST_READ:
                self._read.clear()
            found = self._read[mark] = _subject_of(component, self._bus)
        return found


def _subject_of(component: Manifest, bus: BusSettings) -> Subject | Refusal:
    resource = read_resource(component)
    if resource.loaded is None:
        first = resource.problems[0]
        return Refusal("invalid_component", f"{first.path}: {first.message}")
    return subject_of(resource.loaded, bus)


def _left(pod: Manifest, refusal: Refusal) -> tuple[Manifest, Refusal]:
    # What is injected already stays as it says; a pod that wants none needs no words.
    if refusal.code in {"injected", "not_wanted"}:
        return pod, refusal
    return refused(pod, refusal), refusal


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
