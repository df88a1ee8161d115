"""`evenhand operate` as a process of its own beside the real API server."""

from __future__ import annotations

import base64
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from collectors.injection.base import COMPONENT_LABEL
from governance.component.crd import GROUP, PLURAL, VERSION
from governance.service.cli.main import main
from tests.kubernetes.conftest import namespace
from tests.testkit.cache import run
from tests.testkit.ports import accepts, free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.testkit.kubernetes import Kubernetes

HOME = "evenhand"
IMAGE = "registry.local/evenhand:1"


@dataclass(frozen=True, slots=True)
class Running:
    """An operator, and what it works with."""

    cluster: Kubernetes
    process: ServerProcess
    folder: Path
    webhook_port: int
    metrics_port: int

    @property
    def database(self) -> str:
        """URL of its database."""
        return f"sqlite:///{self.folder}/e.db"

    def metrics(self) -> str:
        """What a scrape finds."""
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", trust_env=False).text

    def log(self) -> str:
        """What it has said."""
        return self.process.log.read_text()


@contextmanager
def operating(cluster: Kubernetes, folder: Path, *flags: str) -> Iterator[Running]:
    """An operator with a migrated database, its webhooks registered by URL."""
    certificate(folder)
    database = f"sqlite:///{folder}/e.db"
    assert main(["migrate", "--database", database]) == 0
    namespace(cluster, HOME)
    webhook, metrics = free_port(), free_port()
    argv = [sys.executable, "-m", "governance.service.cli.main", "operate"]
    argv += ["--kubeconfig", str(cluster.kubeconfig), "--namespace", HOME]
    argv += ["--database", database, "--bus", f"file:{folder}/bus"]
    argv += ["--webhook", f"127.0.0.1:{webhook}", "--metrics", f"127.0.0.1:{metrics}"]
    argv += ["--tls-directory", str(folder), "--sidecar-image", IMAGE, *flags]
    process = ServerProcess(argv, folder / f"operator-{webhook}.log")
    try:
        process.start(lambda: accepts(webhook))
        register(cluster, folder, webhook)
        yield Running(cluster, process, folder, webhook, metrics)
    finally:
        unregister(cluster)
        process.stop()


def certificate(folder: Path) -> None:
    """A self-signed certificate for loopback, as cert-manager would mount one."""
    names = f"subjectAltName=IP:127.0.0.1,DNS:evenhand-operator.{HOME}.svc"
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(folder / "tls.key")]
    subject = ["-subj", "/CN=evenhand", "-addext", names, "-days", "2"]
    run(["openssl", "req", "-x509", *subject, *key, "-out", str(folder / "tls.crt")])


def register(cluster: Kubernetes, folder: Path, port: int) -> None:
    """Both webhook configurations, by URL."""
    bundle = base64.b64encode((folder / "tls.crt").read_bytes()).decode()
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    components = {"apiGroups": [GROUP], "apiVersions": [VERSION], "resources": [PLURAL]}
    selector = {"matchExpressions": [{"key": COMPONENT_LABEL, "operator": "Exists"}]}
    one: dict[str, Any] = {
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
        "timeoutSeconds": 5,
    }

    def webhook(name: str, path: str, rule: dict[str, Any], **more: Any) -> dict[str, Any]:
        url = f"https://127.0.0.1:{port}{path}"
        operations = {"operations": ["CREATE"] if path == "/inject" else ["CREATE", "UPDATE"]}
        client = {"url": url, "caBundle": bundle}
        return one | {"name": name, "clientConfig": client, "rules": [rule | operations]} | more

    inject = webhook("inject.evenhand.io", "/inject", pods, objectSelector=selector)
    validate = webhook("validate.evenhand.io", "/validate", components)
    for kind, hook in (("Mutating", inject), ("Validating", validate)):
        path = f"/apis/admissionregistration.k8s.io/v1/{kind.lower()}webhookconfigurations"
        body = {"metadata": {"name": "evenhand"}, "webhooks": [hook]}
        cluster.ask("POST", path, body)


def unregister(cluster: Kubernetes) -> None:
    """Take both away."""
    for kind in ("mutating", "validating"):
        path = f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations/evenhand"
        cluster.client.delete(path)
