"""The patch works: what a patched pod's manifest says is started by hand, and traffic is captured.

No kubelet is here. The API server and the webhook make the pod; a real MLServer is started on the
port that the pod's environment tells it, and the sidecar with the arguments, environment and files
of its container (folders of the pod become folders of the test, 0.0.0.0 becomes loopback).
"""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from collectors.injection.base import ADMIN_PORT, COMPONENT_LABEL
from governance.component.crd import GROUP, PLURAL, VERSION
from tests.collectors.sidecar.calls import exchanges
from tests.kubernetes.conftest import namespace
from tests.kubernetes.operator_process import operating
from tests.kubernetes.waiting import until
from tests.testkit.environments import INSIDE
from tests.testkit.http import answers
from tests.testkit.model_servers import MLSERVER
from tests.testkit.ports import accepts, free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.testkit.kubernetes import Kubernetes
    from tests.testkit.model_servers import ModelServer

Manifest = dict[str, Any]

TEAM = "models"
IRIS = {
    "id": "r1",
    "inputs": [
        {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [[5.1, 3.5, 1.4, 0.2]]},
    ],
}


@pytest.fixture
def pod(kubernetes: Kubernetes, tmp_path: Path) -> Iterator[Manifest]:
    """A pod of MLServer as the API server admitted it, beside a running operator."""
    namespace(kubernetes, TEAM)
    component = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": "iris", "namespace": TEAM},
        "spec": {"model": {"name": "iris", "version": "v7", "modality": ["tabular"]}},
    }
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{TEAM}/{PLURAL}/iris"
    with operating(kubernetes, tmp_path):
        assert kubernetes.apply(path, component) == ""
        until(lambda: _exists(kubernetes, "configmaps/evenhand-iris"), "no capture ConfigMap")
        until(lambda: _exists(kubernetes, "secrets/evenhand-privacy-key"), "no key")
        pods = f"/api/v1/namespaces/{TEAM}/pods"
        until(lambda: "initContainers" in _create(kubernetes, pods, dry=True)["spec"], "no webhook")
        yield _create(kubernetes, pods, dry=False)


def _exists(cluster: Kubernetes, name: str) -> bool:
    return cluster.client.get(f"/api/v1/namespaces/{TEAM}/{name}").is_success


def _create(cluster: Kubernetes, pods: str, *, dry: bool) -> Manifest:
    port = free_port()
    app = {
        "name": "server",
        "image": "seldonio/mlserver:1.7.1",
        "env": [{"name": "MLSERVER_HTTP_PORT", "value": str(port)}],
        "ports": [{"name": "http", "containerPort": port}],
        "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": "http"}},
    }
    metadata = {"name": "iris-0", "labels": {"app": "iris", COMPONENT_LABEL: "iris"}}
    body = {"metadata": metadata, "spec": {"containers": [app]}}
    answer = cluster.client.post(pods, params={"dryRun": "All"} if dry else {}, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_patched_pod_captures_its_traffic(
    kubernetes: Kubernetes, mlserver: ModelServer, pod: Manifest, tmp_path: Path
) -> None:
    """A client on the old port is answered by the model, and its request is an event on the bus."""
    assert mlserver.process.pid  # its environment is there
    (app,), (sidecar,) = pod["spec"]["containers"], pod["spec"]["initContainers"]
    told = int(app["env"][0]["value"])
    old = app["ports"][0]["containerPort"]
    assert app["readinessProbe"]["httpGet"]["port"] == told
    server = _model(tmp_path, told)
    watched = _sidecar(kubernetes, pod, sidecar, tmp_path)
    try:
        server.start(lambda: answers(f"http://127.0.0.1:{told}/v2/health/ready"), 180)
        watched.start(lambda: answers(f"http://127.0.0.1:{ADMIN_PORT}/readyz"), 120)
        assert accepts(old)
        url = f"http://127.0.0.1:{old}/v2/models/iris/infer"
        answer = httpx.post(url, json=IRIS, timeout=30, trust_env=False)
        assert answer.json()["outputs"][0]["data"] == [0]
        until(lambda: bool(exchanges(f"file:{tmp_path}/bus")), "nothing is on the bus")
    finally:
        watched.stop(30)
        server.stop()
    ((version, columns),) = exchanges(f"file:{tmp_path}/bus")
    assert version == "v7"
    assert columns["status_code"] == [200]
    assert columns["tabular.x[0]"] == [5.1]


def _model(folder: Path, port: int) -> ServerProcess:
    served = folder / "served"
    served.mkdir()
    script = [str(INSIDE / "serve_mlserver.py"), str(served), str(port), str(free_port())]
    return ServerProcess([str(MLSERVER.program()), *script], folder / "model.log", cwd=served)


def _sidecar(
    cluster: Kubernetes, pod: Manifest, container: Manifest, folder: Path
) -> ServerProcess:
    """The container's process; its volumes are folders, filled as the kubelet fills them."""
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    where = {}
    for mount in container["volumeMounts"]:
        place = folder / "pod" / mount["name"]
        place.mkdir(parents=True)
        _fill(cluster, volumes[mount["name"]], place)
        where[mount["mountPath"]] = str(place)
    environment = [f"EVENHAND_POD_UID={pod['metadata']['uid']}"]
    environment += [f"{v['name']}={v['value']}" for v in container["env"] if "value" in v]
    words = [*environment, sys.executable, "-m", "governance.service.cli.main", *container["args"]]
    for inside, outside in where.items():
        words = [word.replace(inside, outside) for word in words]
    words = [word.replace("0.0.0.0", "127.0.0.1") for word in words]
    return ServerProcess(["env", *words], folder / "sidecar.log")


def _fill(cluster: Kubernetes, volume: Manifest, place: Path) -> None:
    base = f"/api/v1/namespaces/{TEAM}"
    if "configMap" in volume:
        found = cluster.get(f"{base}/configmaps/{volume['configMap']['name']}")["data"]
        for name, text in found.items():
            (place / name).write_text(text)
    elif "secret" in volume:
        found = cluster.get(f"{base}/secrets/{volume['secret']['secretName']}")["data"]
        for name, text in found.items():
            (place / name).write_bytes(base64.b64decode(text))
