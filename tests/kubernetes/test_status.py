"""What a status says, and what an admission answers: pure, without a cluster."""

from __future__ import annotations

import base64
import json
from typing import Any

import yaml

from collectors.injection.sidecar import SidecarSettings
from governance.alert import Alert, AlertKey, AlertState
from governance.component.key import ComponentKey
from governance.config import BusSettings
from governance.finding import Status
from governance.service.operator.admission import Injector, answer_component, answer_pod
from governance.service.operator.resources import Resource, file_text, read_resource, spec_hash
from governance.service.operator.status import PodCounts, Seen, count_pods, drifts, news, status_of

Manifest = dict[str, Any]

SECOND_US = 1_000_000
NOW_US = 1_700_000_000 * SECOND_US
KEY = ComponentKey("team", "credit")


def _body(status: Manifest | None = None, **spec: Any) -> Manifest:
    model = {"name": "m", "version": "1", "modality": ["tabular"]}
    return {
        "apiVersion": "apexlogic.io/v1alpha1",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": "credit", "namespace": "team", "generation": 3, "uid": "u"},
        "spec": {"model": model, **spec},
        "status": status or {},
    }


def _resource(status: Manifest | None = None, **spec: Any) -> Resource:
    return read_resource(_body(status, **spec))


def _seen(resource: Resource, *, in_force: str | None = "d", later_s: int = 0, **more: Any) -> Seen:
    declared = "d" if resource.loaded else None
    now_us = NOW_US + later_s * SECOND_US
    return Seen(resource, now_us, declared, in_force, 60 * SECOND_US, PodCounts(), **more)


def _conditions(status: Manifest) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


def test_a_second_look_says_the_same_to_the_letter() -> None:
    """So that nothing is written where nothing is new."""
    first = status_of(_seen(_resource()))
    assert status_of(_seen(_resource(first), later_s=600)) == first
    assert _conditions(first) == {
        "Valid": ("True", "Valid"),
        "InForce": ("True", "InForce"),
        "Injected": ("True", "Injected"),
    }


def test_drift_begins_after_the_grace_and_not_before() -> None:
    """From the instant in which the two began to differ."""
    began = status_of(_seen(_resource(), in_force="x"))
    assert _conditions(began)["InForce"] == ("False", "RollingOut")
    for later_s, reason in ((60, "RollingOut"), (61, "PolicyDrift")):
        seen = _seen(_resource(began), in_force="x", later_s=later_s)
        assert _conditions(status_of(seen))["InForce"] == ("False", reason)
        assert drifts(seen, began["conditions"][1]) == (reason == "PolicyDrift")


def test_without_the_database_nothing_is_claimed_and_nothing_lost() -> None:
    """What was known stays; whether it is in force is unknown."""
    alert = Alert(AlertKey(KEY, "1", "tabular", "drift"), AlertState.FIRING)
    before = status_of(_seen(_resource(), alerts=[alert]))
    after = status_of(_seen(_resource(before), away=True))
    assert after["firing"] == before["firing"]
    assert _conditions(after)["InForce"] == ("Unknown", "DatabaseAway")
    assert news(before, after) == []


def test_an_invalid_component_says_where() -> None:
    """And that the old one stays in force."""
    status = status_of(_seen(_resource(capture={"sampling": 2})))
    assert _conditions(status)["Valid"] == ("False", "Invalid")
    assert "spec.capture.sampling" in status["conditions"][0]["message"]


def test_the_worst_status_is_the_loudest_and_blindness_counts() -> None:
    """A component that cannot be seen is not ok."""
    assert status_of(_seen(_resource(), sight=Status.BLIND))["worstStatus"] == "blind"
    assert "worstStatus" not in status_of(_seen(_resource()))


def test_alerts_are_news_once() -> None:
    """When they begin to fire, and when they do not any more."""
    alert = Alert(AlertKey(KEY, "1", "tabular", "drift"), AlertState.FIRING)
    calm = status_of(_seen(_resource()))
    loud = status_of(_seen(_resource(calm), alerts=[alert]))
    words = "drift of tabular, version 1"
    assert news(calm, loud) == [("Warning", "AlertFiring", f"{words} is firing")]
    assert news(loud, loud) == []
    assert news(loud, calm) == [("Normal", "AlertResolved", f"{words} fires no more")]


def _pod(**annotations: str) -> Manifest:
    noted = {f"evenhand.io/{name.replace('_', '-')}": text for name, text in annotations.items()}
    labels = {"evenhand.io/component": "credit"}
    return {
        "metadata": {"name": "p", "labels": labels, "annotations": noted},
        "spec": {"containers": [{"name": "v", "image": "vllm/vllm-openai:v1", "args": ["-x"]}]},
    }


def test_every_pod_is_counted_in_one_state_and_ended_ones_in_none() -> None:
    """Outdated ones are among the injected."""
    sidecar = {"initContainers": [{"name": "evenhand-collect"}]}
    new, old = _pod(config_hash="h"), _pod(config_hash="g")
    new["spec"] |= sidecar
    old["spec"] |= sidecar
    ended = _pod() | {"status": {"phase": "Succeeded"}}
    pods = [new, old, _pod(inject_status="refused"), _pod(), ended]
    assert count_pods(pods, "h") == PodCounts(injected=2, refused=1, missing=1, outdated=1)


def test_workers_read_from_the_file_what_is_declared() -> None:
    """Small numbers and texts that look like others come through, so the hashes agree."""
    drift = {"threshold": 1e-5, "features": {"1e5": {"threshold": 0.2}}}
    resource = _resource(monitoring={"drift": drift, "lateness": "1m"})
    assert resource.loaded is not None

    again = read_resource(yaml.safe_load(file_text(resource.loaded)))
    assert again.loaded is not None
    assert spec_hash(again.loaded.canonical) == spec_hash(resource.loaded.canonical)


def _decide(pod: Manifest, component: Manifest | None) -> Manifest:
    injector = Injector(SidecarSettings("e:1"), BusSettings(), (1, 33))
    after, decision = injector.decide(pod, [], component)
    response: Manifest = answer_pod({"uid": "1", "object": pod}, after, decision)["response"]
    return response


def test_a_pod_is_always_allowed() -> None:
    """With a patch, with a reason, or as it is."""
    placed = _decide(_pod(), _body())
    assert placed["allowed"]
    paths = [op["path"] for op in json.loads(base64.b64decode(placed["patch"]))]
    assert "/spec/initContainers" in paths
    absent = _decide(_pod(), None)
    assert absent["allowed"]
    assert "no_component" in absent["warnings"][0]
    invalid = _decide(_pod(), _body(capture={"sampling": 2}))
    assert "invalid_component: spec.capture.sampling" in invalid["warnings"][0]
    unwanted = _decide(_pod(inject="false"), _body())
    assert "patch" not in unwanted
    assert "warnings" not in unwanted


def test_an_invalid_component_is_refused_with_everything_that_is_wrong() -> None:
    """All at once, as validate says it; what goes away is never refused."""
    wrong = _body(capture={"sampling": 2}, monitoring={"maxLoss": 3})
    response = answer_component({"uid": "1", "object": wrong})["response"]
    assert response["allowed"] is False
    assert "spec.capture.sampling" in response["status"]["message"]
    assert "spec.monitoring.maxLoss" in response["status"]["message"]
    assert answer_component({"uid": "1", "object": _body()})["response"]["allowed"]
    assert answer_component({"uid": "1", "operation": "DELETE"})["response"]["allowed"]
