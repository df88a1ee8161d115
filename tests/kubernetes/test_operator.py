"""The operator at a real API server: components, sidecars, status, Events, drift, leadership."""

from __future__ import annotations

import base64
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from collectors.injection.base import COMPONENT_LABEL, SIDECAR
from governance.alert import Alert, AlertKey, AlertState
from governance.component.crd import GROUP, PLURAL, VERSION
from governance.component.key import ComponentKey
from governance.component.load import load_components
from governance.store.alerts import Alerts
from governance.store.engine import open_engine
from tests.kubernetes.conftest import namespace
from tests.kubernetes.operator_process import HOME, Running, operating, unregister
from tests.kubernetes.waiting import until
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.testkit.kubernetes import Kubernetes

Manifest = dict[str, Any]

TEAM = "team"
MODEL = {"name": "m", "version": "1", "modality": ["tabular"]}
CONFIG_MAP = f"/api/v1/namespaces/{HOME}/configmaps/evenhand-components"


@pytest.fixture(scope="module")
def running(kubernetes: Kubernetes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An operator with a namespace of pods and a Deployment of workers."""
    for name in (TEAM, HOME):
        namespace(kubernetes, name)
    kubernetes.ask("POST", f"/apis/apps/v1/namespaces/{HOME}/deployments", _workers())
    flags = ("--worker", "detect", "--grace", "1s")
    with operating(kubernetes, tmp_path_factory.mktemp("operator"), *flags) as running:
        yield running


def _workers() -> Manifest:
    labels = {"app": "detect"}
    spec = {"containers": [{"name": "detect", "image": "registry.local/evenhand:1"}]}
    return {
        "metadata": {"name": "detect"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _declare(cluster: Kubernetes, name: str, **spec: Any) -> str:
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{TEAM}/{PLURAL}/{name}"
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": name, "namespace": TEAM},
        "spec": {"model": MODEL, **spec},
    }
    assert cluster.apply(path, body) == ""
    return path


def _condition(cluster: Kubernetes, path: str, kind: str) -> Manifest:
    conditions = (cluster.get(path).get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == kind), {"status": "", "reason": ""})


def _pod(component: str, name: str, **spec: Any) -> Manifest:
    container = {"name": "v", "image": "vllm/vllm-openai:v1", "args": ["--port=8000"]}
    labels = {"app": name, COMPONENT_LABEL: component}
    metadata = {"name": name, "namespace": TEAM, "labels": labels}
    return {"metadata": metadata, "spec": {"containers": [container], **spec}}


def _create(cluster: Kubernetes, pod: Manifest) -> tuple[Manifest, list[str]]:
    answer = cluster.client.post(f"/api/v1/namespaces/{TEAM}/pods", json=pod)
    assert answer.status_code == 201, answer.text
    return answer.json(), answer.headers.get_list("warning")


def _events(cluster: Kubernetes, name: str) -> dict[str, str]:
    events = cluster.get(f"/api/v1/namespaces/{TEAM}/events")["items"]
    return {e["reason"]: e["message"] for e in events if e["involvedObject"]["name"] == name}


def test_a_component_reaches_workers_and_pods_in_seconds(running: Running) -> None:
    """ConfigMap and mark of the workers, capture ConfigMap and key beside the pods."""
    cluster = running.cluster
    _declare(cluster, "credit")
    file = f"{TEAM}.credit.yaml"
    until(lambda: file in (_data(cluster, CONFIG_MAP)), "workers are not given the component")
    text = _data(cluster, CONFIG_MAP)[file]
    (running.folder / file).write_text(text)
    (loaded,) = load_components([running.folder / file])
    assert loaded.component.key == ComponentKey(TEAM, "credit")
    deployment = f"/apis/apps/v1/namespaces/{HOME}/deployments/detect"
    until(lambda: _mark(cluster, deployment) != "", "the workers are not rolled")
    capture = f"/api/v1/namespaces/{TEAM}/configmaps/evenhand-credit"
    until(lambda: "component.yaml" in _data(cluster, capture), "sidecars are not given theirs")
    secret = f"/api/v1/namespaces/{TEAM}/secrets/evenhand-privacy-key"
    until(lambda: bool(_data(cluster, secret)), "sidecars are given no key")
    keys = _data(cluster, secret)
    central = _data(cluster, f"/api/v1/namespaces/{HOME}/secrets/evenhand-privacy-keys")
    assert keys[f"{TEAM}.key"] == central[f"{TEAM}.key"]
    assert len(bytes.fromhex(base64.b64decode(keys[f"{TEAM}.key"]).decode())) == 32


def _data(cluster: Kubernetes, path: str) -> dict[str, str]:
    answer = cluster.client.get(path)
    return dict(answer.json().get("data") or {}) if answer.is_success else {}


def _mark(cluster: Kubernetes, deployment: str) -> str:
    template = cluster.get(deployment)["spec"]["template"]["metadata"]
    return str((template.get("annotations") or {}).get("evenhand.io/components-hash", ""))


def test_a_change_is_a_new_mark_and_the_spec_is_never_written(running: Running) -> None:
    """Workers are rolled by Kubernetes; whoever owns the object in Git owns its spec."""
    cluster = running.cluster
    deployment = f"/apis/apps/v1/namespaces/{HOME}/deployments/detect"
    path = _declare(cluster, "changing")
    until(lambda: f"{TEAM}.changing.yaml" in _data(cluster, CONFIG_MAP), "not declared")
    before = _mark(cluster, deployment)
    _declare(cluster, "changing", monitoring={"falseAlarmEvery": 500})
    until(lambda: _mark(cluster, deployment) not in {"", before}, "no new mark")
    assert "falseAlarmEvery: 500" in _data(cluster, CONFIG_MAP)[f"{TEAM}.changing.yaml"]
    managers = cluster.get(path)["metadata"]["managedFields"]
    ours = [m["fieldsV1"] for m in managers if m["manager"] == "evenhand"]
    assert all(set(fields) == {"f:status"} for fields in ours)
    assert "kopf" not in str(cluster.get(path))


def test_what_is_deleted_is_taken_from_workers_and_pods(running: Running) -> None:
    """The capture ConfigMap goes with its owner."""
    cluster = running.cluster
    path = _declare(cluster, "leaving")
    capture = f"/api/v1/namespaces/{TEAM}/configmaps/evenhand-leaving"
    until(lambda: bool(_data(cluster, capture)), "not declared")
    cluster.client.delete(path)
    until(lambda: f"{TEAM}.leaving.yaml" not in _data(cluster, CONFIG_MAP), "it stays")
    until(lambda: not _data(cluster, capture), "its capture ConfigMap stays")


def test_a_labelled_pod_gets_its_sidecar_over_tls(running: Running) -> None:
    """Native sidecar, moved app, and the words on the pod."""
    cluster = running.cluster
    path = _declare(cluster, "served")
    pod, warnings = _create(cluster, _pod("served", "served-0"))
    (sidecar,) = pod["spec"]["initContainers"]
    assert (sidecar["name"], sidecar["restartPolicy"]) == (SIDECAR, "Always")
    assert pod["spec"]["containers"][0]["args"] == ["--port=19082"]
    assert warnings == []
    until(lambda: _pods(cluster, path).get("injected") == 1, "the status counts no pod")
    assert _condition(cluster, path, "Injected")["status"] == "True"


def _pods(cluster: Kubernetes, path: str) -> dict[str, int]:
    return dict((cluster.get(path).get("status") or {}).get("pods") or {})


def test_a_pod_that_cannot_have_one_starts_and_says_why(running: Running) -> None:
    """A warning to whoever creates it, an annotation, an Event, a condition, a metric."""
    cluster = running.cluster
    path = _declare(cluster, "host")
    pod, warnings = _create(cluster, _pod("host", "host-0", hostNetwork=True))
    assert "host_network" in pod["metadata"]["annotations"]["evenhand.io/inject-reason"]
    assert "initContainers" not in pod["spec"]
    assert any("host_network" in warning for warning in warnings)
    until(lambda: "InjectionRefused" in _events(cluster, "host-0"), "no Event says it")
    until(lambda: _condition(cluster, path, "Injected")["status"] == "False", "no condition")
    assert 'evenhand_injections_total{outcome="host_network"} 1.0' in running.metrics()


def test_pod_security_restricted_admits_what_is_injected(running: Running) -> None:
    """A namespace that enforces it takes the patched pod of an app that keeps to it."""
    cluster = running.cluster
    _declare(cluster, "strict")
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    cluster.ask("PATCH", f"/api/v1/namespaces/{TEAM}", label, kind="merge-patch+json")
    try:
        pod = _pod("strict", "strict-0", securityContext={"runAsNonRoot": True, "runAsUser": 1000})
        pod["spec"]["securityContext"]["seccompProfile"] = {"type": "RuntimeDefault"}
        pod["spec"]["containers"][0]["securityContext"] = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        created, _ = _create(cluster, pod)
        assert created["spec"]["initContainers"][0]["name"] == SIDECAR
    finally:
        label["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": None}  # type: ignore[dict-item]
        cluster.ask("PATCH", f"/api/v1/namespaces/{TEAM}", label, kind="merge-patch+json")


def test_what_a_schema_cannot_see_is_refused_by_the_webhook(running: Running) -> None:
    """In the words of `evenhand validate`."""
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{TEAM}/{PLURAL}/wrong"
    spec = {"model": MODEL, "governance": {"biasDetection": {"groups": ["sex"]}}}
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": "wrong", "namespace": TEAM},
        "spec": spec,
    }
    refusal = running.cluster.apply(path, body)
    assert "spec.governance.biasDetection.groups" in refusal
    assert "'sex' is no attribute of spec.signals.groups" in refusal


def test_with_the_webhook_away_pods_start_and_are_reported(running: Running) -> None:
    """Nobody's deployment waits for us; within a minute the component says what is missing."""
    cluster = running.cluster
    path = _declare(cluster, "unseen")
    hook = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/evenhand"
    client = cluster.get(hook)["webhooks"][0]["clientConfig"]
    away = client | {"url": "https://127.0.0.1:1/inject"}
    operation = [{"op": "replace", "path": "/webhooks/0/clientConfig", "value": away}]
    cluster.ask("PATCH", hook, operation, kind="json-patch+json")
    until(lambda: not _injects(cluster), "the webhook is still asked")
    try:
        pod, _ = _create(cluster, _pod("unseen", "unseen-0"))
        assert "initContainers" not in pod["spec"]
        waited = until(lambda: _pods(cluster, path).get("missing") == 1, "nobody reports it")
        assert waited < 60
        until(lambda: "NotInjected" in _events(cluster, "unseen-0"), "no Event")
        assert _condition(cluster, path, "Injected")["reason"] == "NotInjected"
    finally:
        operation[0]["value"] = client
        cluster.ask("PATCH", hook, operation, kind="json-patch+json")
        until(lambda: _injects(cluster), "the webhook is not asked again")


def _injects(cluster: Kubernetes) -> bool:
    answer = cluster.client.post(
        f"/api/v1/namespaces/{TEAM}/pods",
        params={"dryRun": "All"},
        json=_pod("served", f"probe-{time.monotonic_ns()}"),
    )
    return "initContainers" in answer.json()["spec"]


def test_drift_is_what_lasts_longer_than_the_grace(running: Running) -> None:
    """No worker has recorded the component: declared, not in force; then one does."""
    cluster = running.cluster
    path = _declare(cluster, "drifting")
    until(lambda: _condition(cluster, path, "InForce")["reason"] == "PolicyDrift", "no drift")
    until(lambda: _drift(running, "drifting") == 1.0, "no metric says it")
    with _worker(running):
        until(lambda: _condition(cluster, path, "InForce")["status"] == "True", "never in force")
    status = cluster.get(path)["status"]
    assert status["inForce"]["hash"] == status["inForce"]["declared"]
    assert status["observedGeneration"] == 1
    until(lambda: _drift(running, "drifting") == 0.0, "the metric stays")


def _drift(running: Running, component: str) -> float | None:
    samples = (s for f in text_string_to_metric_families(running.metrics()) for s in f.samples)
    wanted = {"namespace": TEAM, "component": component}
    found = (s.value for s in samples if s.name == "evenhand_policy_drift" and s.labels == wanted)
    return next(found, None)


class _worker:  # noqa: N801 - reads as a statement
    """A real worker over what the ConfigMap holds, as the kubelet would mount it."""

    def __init__(self, running: Running) -> None:
        folder = running.folder / "components"
        folder.mkdir(exist_ok=True)
        for name, text in _data(running.cluster, CONFIG_MAP).items():
            (folder / name).write_text(text)
        keys = running.folder / "keys"
        keys.mkdir(exist_ok=True)
        secret = f"/api/v1/namespaces/{HOME}/secrets/evenhand-privacy-keys"
        for name, text in _data(running.cluster, secret).items():
            (keys / name).write_bytes(base64.b64decode(text))
        argv = ["env", f"EVENHAND_PRIVACY_KEY_DIRECTORY={keys}", sys.executable, "-m"]
        argv += ["governance.service.cli.main", "detect", "--components", str(folder)]
        argv += ["--database", running.database, "--bus", f"file:{running.folder}/bus"]
        argv += ["--metrics", "127.0.0.1:0"]
        self._process = ServerProcess(argv, running.folder / "detect.log")

    def __enter__(self) -> None:
        self._process.start(lambda: "detect: ready" in self._process.log.read_text())

    def __exit__(self, *_: object) -> None:
        self._process.stop()


def test_alerts_are_in_the_status_and_told_as_events(running: Running) -> None:
    """Firing once, resolved once."""
    cluster = running.cluster
    path = _declare(cluster, "alarmed")
    key = AlertKey(ComponentKey(TEAM, "alarmed"), "1", "tabular", "drift")
    alerts = Alerts(open_engine(running.database))
    alerts.put(Alert(key, AlertState.FIRING, firing_since_us=1_700_000_000_000_000))
    until(lambda: _firing(cluster, path) == 1, "the status does not count it")
    (shown,) = cluster.get(path)["status"]["firing"]
    assert (shown["check"], shown["since"]) == ("drift", "2023-11-14T22:13:20Z")
    until(lambda: "AlertFiring" in _events(cluster, "alarmed"), "no Event")
    alerts.put(Alert(key, AlertState.RESOLVED))
    until(lambda: _firing(cluster, path) == 0, "the status keeps it")
    until(lambda: "AlertResolved" in _events(cluster, "alarmed"), "no Event")


def _firing(cluster: Kubernetes, path: str) -> int:
    return int((cluster.get(path).get("status") or {}).get("alerts", {}).get("firing", -1))


def test_a_look_at_nothing_new_writes_nothing(running: Running) -> None:
    """The object's version stands still, whatever the interval."""
    cluster = running.cluster
    path = _declare(cluster, "quiet")
    until(lambda: _condition(cluster, path, "InForce")["reason"] == "PolicyDrift", "no status")
    version = cluster.get(path)["metadata"]["resourceVersion"]
    looks = running.log().count("HTTP")  # nothing is logged by request
    other = _declare(cluster, "restless")  # and another look is made
    until(lambda: _condition(cluster, other, "InForce")["reason"] == "PolicyDrift", "no look")
    assert cluster.get(path)["metadata"]["resourceVersion"] == version
    assert looks == 0


def test_another_replica_takes_over(running: Running, tmp_path: Path) -> None:
    """One leads; when it goes the next one reconciles, and both answer the webhook."""
    cluster = running.cluster
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/evenhand-operator"
    first = cluster.get(lease)["spec"]["holderIdentity"]
    assert "evenhand_operator_leader 1.0" in running.metrics()
    unregister(cluster)
    with operating(cluster, tmp_path, "--worker", "detect", "--grace", "1s") as second:
        answer = httpx.get(
            f"https://127.0.0.1:{second.webhook_port}/readyz",
            verify=False,
            trust_env=False,
        )
        assert answer.json() == {"ready": True}
        assert "evenhand_operator_leader 0.0" in second.metrics()
        running.process.stop()
        until(lambda: cluster.get(lease)["spec"]["holderIdentity"] not in {"", first}, "nobody")
        path = _declare(cluster, "after")
        until(lambda: _condition(cluster, path, "Valid")["status"] == "True", "nobody looks")
