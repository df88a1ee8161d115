"""A real Kubernetes API for tests: API server with etcd, controllers, pods that only say they run.

Pods are bound to a made-up node and called Running; no image is pulled, no container started and no
probe asked. The range of Service addresses is loopback, so a webhook that the API server calls by
its Service is served by whoever listens on that address.
"""

from __future__ import annotations

import json
import shutil
import ssl
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.testkit.cache import run
from tests.testkit.kubebox_build import program
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = "admin-token"
_READY_SECONDS = 120.0  # 4 s alone; a busy machine shares its cores
_AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""
_NOT_RUN = (
    "node-lifecycle-controller",  # the made-up node has no heartbeat
    "taint-eviction-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher-controller",
)
_API_SERVER = (
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=127.100.0.0/16",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--authorization-mode=RBAC",
)


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """Where it answers; ``folder`` holds kubeconfig (an administrator's) and audit.log."""

    url: str
    folder: Path
    client: httpx.Client = field(repr=False)

    @property
    def kubeconfig(self) -> Path:
        """Of a cluster administrator."""
        return self.folder / "kubeconfig"

    @property
    def certificate(self) -> Path:
        """What its TLS is checked against."""
        return self.folder / "certs/apiserver.crt"

    def ask(self, method: str, path: str, body: Any = None, *, kind: str = "json") -> Any:
        """One request; raises HTTPStatusError with the server's words. ``kind`` is a patch's."""
        content = None if body is None else json.dumps(body)
        headers = {"content-type": f"application/{kind}"}
        answer = self.client.request(method, path, content=content, headers=headers)
        if answer.is_error:
            words = f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
            raise httpx.HTTPStatusError(words, request=answer.request, response=answer)
        return answer.json()

    def get(self, path: str) -> Any:
        """The object at an API path."""
        return self.ask("GET", path)

    def apply(self, path: str, body: Any) -> str:
        """Server-side apply, as kubectl's strict; what the server said against it, else ''."""
        answer = self.client.patch(
            path,
            params={"fieldManager": "tests", "force": "true", "fieldValidation": "Strict"},
            content=json.dumps(body),
            headers={"content-type": "application/apply-patch+yaml"},
        )
        return str(answer.json()["message"]) if answer.is_error else ""


@contextmanager
def start_kubernetes() -> Iterator[Kubernetes]:
    """A cluster for the length of the block, up in about 4 s; raises ServerMissing."""
    # A unix socket's path has 107 bytes at most: not in pytest's folder.
    folder, port = Path(tempfile.mkdtemp(prefix="evh-k8s-")), free_port()
    parts: list[ServerProcess] = []
    try:
        box = partial(_part, program(), folder)
        parts.append(box("apiserver", *_API_SERVER, *_files(folder), f"--secure-port={port}"))
        parts[-1].start(lambda: _says_ok(folder, port), _READY_SECONDS)
        with _client(folder, port) as client:
            parts.append(box("controller-manager", *_controllers(folder)))
            parts[-1].start(lambda: _exists(client, "serviceaccounts/default"), _READY_SECONDS)
            parts.append(box("kubelet"))
            parts[-1].start(lambda: _node_is_ready(client), _READY_SECONDS)
            yield Kubernetes(f"https://127.0.0.1:{port}", folder, client)
    finally:
        for part in reversed(parts):
            part.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _part(program: Path, folder: Path, name: str, *flags: str) -> ServerProcess:
    argv = ["env", f"KUBEBOX_DIR={folder}", str(program), name, *flags]
    return ServerProcess(argv, folder / f"{name}.log", until_stdin_ends=True)


def _files(folder: Path) -> list[str]:
    """Write what the API server reads; the flags that name it."""
    run(["openssl", "genrsa", "-out", str(folder / "sa.key"), "2048"])
    (folder / "tokens.csv").write_text(f'{_TOKEN},admin,admin,"system:masters"\n')
    (folder / "audit.yaml").write_text(_AUDIT)
    return [
        f"--cert-dir={folder}/certs",
        f"--service-account-key-file={folder}/sa.key",
        f"--service-account-signing-key-file={folder}/sa.key",
        f"--token-auth-file={folder}/tokens.csv",
        f"--audit-policy-file={folder}/audit.yaml",
        f"--audit-log-path={folder}/audit.log",
    ]


def _controllers(folder: Path) -> list[str]:
    left_out = ",".join(f"-{name}" for name in _NOT_RUN)
    return [
        f"--kubeconfig={folder}/kubeconfig",
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={folder}/sa.key",
        f"--root-ca-file={folder}/certs/apiserver.crt",
        f"--controllers=*,{left_out}",
    ]


def _client(folder: Path, port: int) -> httpx.Client:
    certificate = folder / "certs/apiserver.crt"
    (folder / "kubeconfig").write_text(json.dumps(_kubeconfig(certificate, port)))
    return httpx.Client(
        base_url=f"https://127.0.0.1:{port}",
        verify=ssl.create_default_context(cafile=str(certificate)),
        headers={"authorization": f"Bearer {_TOKEN}"},
        timeout=60,
        trust_env=False,
    )


def _kubeconfig(certificate: Path, port: int) -> dict[str, Any]:
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(certificate)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "box", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": _TOKEN}}],
        "contexts": [{"name": "box", "context": {"cluster": "box", "user": "admin"}}],
        "current-context": "box",
    }


def _says_ok(folder: Path, port: int) -> bool:
    try:
        with _client(folder, port) as client:
            return client.get("/readyz").is_success
    except (OSError, httpx.HTTPError):  # not listening, no certificate yet
        return False


def _exists(client: httpx.Client, resource: str) -> bool:
    return client.get(f"/api/v1/namespaces/default/{resource}").is_success


def _node_is_ready(client: httpx.Client) -> bool:
    node = client.get("/api/v1/nodes/fake")
    return node.is_success and bool(node.json()["status"].get("conditions"))
