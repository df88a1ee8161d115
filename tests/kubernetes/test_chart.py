"""The Helm chart: what it refuses, what it renders, and its life at a real API server."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from collectors.injection.base import SIDECAR
from governance.component.crd import GROUP, NAME, PLURAL, VERSION
from governance.service.cli.main import main
from scripts import describe_chart
from tests.kubernetes.conftest import CRDS
from tests.kubernetes.waiting import until
from tests.testkit import helm
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.testkit.kubernetes import Kubernetes

Manifest = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/evenhand"
CI = sorted((CHART / "ci").glob("*.yaml"))
HOME, TEAM = "installed", "tenant"
ADDRESS = "127.100.0.10"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Helm's own folders; skipped where Helm was not fetched."""
    if helm.here() is None:
        pytest.skip(f"{helm.NAME} is not here: make test-cluster")
    return tmp_path_factory.mktemp("helm")


def _render(home: Path, *arguments: str) -> tuple[list[Manifest], str]:
    done = helm.call("helm", ["template", "e", str(CHART), "-n", "x", *arguments], home=home)
    objects = [o for o in yaml.safe_load_all(done.stdout) if o] if done.returncode == 0 else []
    return objects, done.stderr


def _named(objects: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def test_readme_and_schema_are_made_from_the_values() -> None:
    """One source: the comments of values.yaml."""
    assert describe_chart.main(["--check"]) == 0


def test_the_rules_are_those_of_the_example() -> None:
    """One alert rule for components, wherever it is installed from."""
    shipped = (CHART / "files/evenhand.rules.yml").read_text()
    assert shipped == (ROOT / "docs/examples/prometheus/evenhand.rules.yml").read_text(), (
        "cp docs/examples/prometheus/evenhand.rules.yml helm/evenhand/files/"
    )


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_every_example_of_values_renders_and_lints(home: Path, values: Path) -> None:
    """`helm lint --strict` has nothing to say."""
    done = helm.call("helm", ["lint", "--strict", str(CHART), "-f", str(values)], home=home)
    assert done.returncode == 0, done.stdout
    objects, error = _render(home, "-f", str(values))
    assert error == ""
    assert objects


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("", "set kafka.bootstrapServers=HOST:9092"),
        ("kafka.bootstrapServers=k:9092", "set database.secretName"),
        ("kafka.bootstrapServers=k:9092,database.secretName=d", "set tokens.secretName"),
        ("dev.embeded=true", "additional properties 'embeded' not allowed"),
        ("kafka.partitions=0", "minimum: got 0, want 1"),
    ],
)
def test_what_cannot_work_is_not_rendered(home: Path, settings: str, words: str) -> None:
    """A sentence with the remedy, before anything is installed."""
    objects, error = _render(home, "--set", settings)
    assert objects == []
    assert words in error


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_every_pod_keeps_to_restricted_and_says_what_it_needs(home: Path, values: Path) -> None:
    """Non-root, read-only root, no capability, seccomp; requests and a memory limit."""
    objects, _ = _render(home, "-f", str(values))
    pods = [o["spec"]["template"]["spec"] for o in objects if o["kind"] in {"Deployment", "Job"}]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert set(container["resources"]["limits"]) == {"memory"}


def test_no_secret_is_a_value(home: Path) -> None:
    """Secrets are named; the only one that is made holds the webhook's certificate."""
    objects, _ = _render(home, "-f", str(CHART / "ci/minimal.yaml"))
    made = [o["metadata"]["name"] for o in objects if o["kind"] == "Secret"]
    assert made == ["e-webhook"]


def test_extra_settings_go_over_the_charts(home: Path, tmp_path: Path) -> None:
    """And the file is one that the program reads."""
    objects, _ = _render(home, "-f", str(CHART / "ci/everything.yaml"))
    text = _named(objects, "ConfigMap", "e-settings")["data"]["settings.yaml"]
    (tmp_path / "settings.yaml").write_text(text)
    assert main(["validate", "--config", str(tmp_path / "settings.yaml")]) == 0
    settings = yaml.safe_load(text)
    assert settings["alerting"]["breaches"] == 3
    assert settings["alerting"]["road"] == "prometheus"
    assert settings["bus"] == {"url": "kafka://a:9092,b:9092", "partitions": 12}


def test_every_command_line_is_one_of_the_program(home: Path) -> None:
    """Flags are those of this version."""
    for deployment in _render(home, "-f", str(CHART / "ci/minimal.yaml"))[0]:
        if deployment["kind"] != "Deployment":
            continue
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        name, *flags = container["args"]
        with pytest.raises(SystemExit) as ended:
            main([name, *flags, "--help"])
        assert ended.value.code == 0


# At the API server


@pytest.fixture(scope="module")
def installed(kubernetes: Kubernetes, home: Path) -> Iterator[Kubernetes]:
    """The chart in a namespace that enforces `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {"metadata": {"name": HOME, "labels": labels}}
    kubernetes.ask("POST", "/api/v1/namespaces", body)
    kubernetes.ask("POST", "/api/v1/namespaces", {"metadata": {"name": TEAM}})
    said = _helm(kubernetes, home, "install")
    assert "warn" not in said.lower(), said
    yield kubernetes
    _helm(kubernetes, home, "uninstall")


def _helm(cluster: Kubernetes, home: Path, what: str, *more: str) -> str:
    arguments = [what, "evenhand", "-n", HOME, "--kubeconfig", str(cluster.kubeconfig)]
    if what in {"install", "upgrade"}:
        arguments.insert(2, str(CHART))
        arguments += ["-f", str(CHART / "ci/minimal.yaml"), "--set", f"webhook.clusterIP={ADDRESS}"]
        arguments += ["--timeout=3m"]
    done = helm.call("helm", [*arguments, *more], home=home)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _deployments(cluster: Kubernetes) -> dict[str, Manifest]:
    items = cluster.get(f"/apis/apps/v1/namespaces/{HOME}/deployments")["items"]
    return {item["metadata"]["name"]: item for item in items}


def test_all_roles_are_admitted_at_restricted(installed: Kubernetes) -> None:
    """Every replica of every role becomes a pod, with no word from Pod Security."""
    roles = {f"evenhand-{role}" for role in ("detect", "alert", "serve", "door", "operate")}
    assert set(_deployments(installed)) == roles

    def ready() -> bool:
        return all(
            (d["status"].get("updatedReplicas") or 0) == d["spec"]["replicas"]
            for d in _deployments(installed).values()
        )

    until(ready, "not every replica has its pod")


class _Account:
    """The operator as the chart's own account, behind the chart's Service and certificate."""

    def __init__(self, cluster: Kubernetes, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        secret = cluster.get(f"/api/v1/namespaces/{HOME}/secrets/evenhand-webhook")["data"]
        for name in ("tls.crt", "tls.key"):
            (folder / name).write_bytes(base64.b64decode(secret[name]))
        path = f"/api/v1/namespaces/{HOME}/serviceaccounts/evenhand-operate/token"
        token = cluster.ask("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
        config = json.loads(cluster.kubeconfig.read_text())
        config["users"][0]["user"]["token"] = token
        (folder / "kubeconfig").write_text(json.dumps(config))
        operate = _deployments(cluster)["evenhand-operate"]
        (container,) = operate["spec"]["template"]["spec"]["containers"]
        keep = ("operate", "--sidecar", "--worker", "--grace")
        argv = [a for a in container["args"] if a.startswith(keep)]
        argv += ["--kubeconfig", f"{folder}/kubeconfig", "--namespace", HOME]
        argv += ["--database", f"sqlite:///{folder}/e.db", "--bus", f"file:{folder}/bus"]
        argv += ["--webhook", f"{ADDRESS}:443", "--metrics", f"127.0.0.1:{free_port()}"]
        argv += ["--tls-directory", str(folder)]
        assert main(["migrate", "--database", f"sqlite:///{folder}/e.db"]) == 0
        program = [sys.executable, "-m", "governance.service.cli.main"]
        self.process = ServerProcess([*program, *argv], folder / "log")

    def __enter__(self) -> None:
        self.process.start(lambda: "leads" in self.process.log.read_text())

    def __exit__(self, *_: object) -> None:
        self.process.stop()


def _component(cluster: Kubernetes, name: str, **spec: Any) -> str:
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{TEAM}/{PLURAL}/{name}"
    model = {"name": "m", "version": "1", "modality": ["tabular"]}
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": name, "namespace": TEAM},
        "spec": {"model": model, **spec},
    }
    assert cluster.apply(path, body) == ""
    return path


def _pod(name: str) -> Manifest:
    labels = {"app": name, "evenhand.io/component": "credit"}
    container = {"name": "v", "image": "vllm/vllm-openai:v1", "args": ["--port=8000"]}
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}


def test_rights_are_what_is_used(installed: Kubernetes, tmp_path: Path) -> None:
    """The audit log of a component's life: nothing used is forbidden, nothing granted is idle."""
    account = _Account(installed, tmp_path)
    with account:
        path = _component(installed, "credit")
        capture = f"/api/v1/namespaces/{TEAM}/configmaps/evenhand-credit"
        until(lambda: installed.client.get(capture).is_success, account.process.log.read_text())
        pods = f"/api/v1/namespaces/{TEAM}/pods"
        until(lambda: _is_injected(installed), "the webhook is not asked through its Service")
        refused = _pod("refused")
        refused["spec"]["hostNetwork"] = True
        installed.ask("POST", pods, _pod("served"))
        installed.ask("POST", pods, refused)
        until(lambda: _count(installed, path, "injected") == 1, "the pod is not counted")
        until(lambda: _has_event(installed, "refused"), "no Event says it")
        _component(installed, "credit", capture={"sampling": 0.5})
        until(lambda: _count(installed, path, "outdated") == 1, "the sidecar is not outdated")
    used, forbidden = _audited(installed)
    assert forbidden == set()
    assert _granted(installed) - used == set()


def _is_injected(cluster: Kubernetes) -> bool:
    answer = cluster.client.post(
        f"/api/v1/namespaces/{TEAM}/pods", params={"dryRun": "All"}, json=_pod("probe")
    )
    return SIDECAR in answer.text


def _count(cluster: Kubernetes, path: str, state: str) -> int:
    return int((cluster.get(path).get("status") or {}).get("pods", {}).get(state, -1))


def _has_event(cluster: Kubernetes, pod: str) -> bool:
    events = cluster.get(f"/api/v1/namespaces/{TEAM}/events")["items"]
    return any(e["involvedObject"]["name"] == pod and e["type"] == "Warning" for e in events)


Right = tuple[str, str, str, str]  # where, group, resource, verb


def _audited(cluster: Kubernetes) -> tuple[set[Right], set[str]]:
    """What the account has done, and what it was refused."""
    account = f"system:serviceaccount:{HOME}:evenhand-operate"
    used: set[Right] = set()
    forbidden: set[str] = set()
    for line in (cluster.folder / "audit.log").read_text().splitlines():
        entry = json.loads(line)
        if entry["user"].get("username") != account or "objectRef" not in entry:
            continue
        reference = entry["objectRef"]
        resource = "/".join(filter(None, [reference["resource"], reference.get("subresource")]))
        where = HOME if reference.get("namespace") == HOME else "cluster"
        code = entry["responseStatus"]["code"]
        # Applying what is not there yet needs the right to create it as well.
        verbs = [entry["verb"], "create"] if code == 201 else [entry["verb"]]
        used |= {(where, reference.get("apiGroup", ""), resource, verb) for verb in verbs}
        if code == 403:
            forbidden.add(f"{entry['verb']} {resource}")
    return used, forbidden


def _granted(cluster: Kubernetes) -> set[Right]:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    roles = {
        "cluster": f"{rbac}/clusterroles/evenhand-operate-{HOME}",
        HOME: f"{rbac}/namespaces/{HOME}/roles/evenhand-operate",
    }
    return {
        (where, group, resource, verb)
        for where, path in roles.items()
        for rule in cluster.get(path)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_an_upgrade_keeps_certificate_and_components(installed: Kubernetes, home: Path) -> None:
    """And a roll-back does."""
    paths = [
        f"/api/v1/namespaces/{HOME}/secrets/evenhand-webhook",
        f"/api/v1/namespaces/{HOME}/configmaps/evenhand-components",
    ]
    before = [installed.get(path).get("data") for path in paths]
    _helm(installed, home, "upgrade", "--set", "detect.replicas=3")
    assert _deployments(installed)["evenhand-detect"]["spec"]["replicas"] == 3
    assert [installed.get(path).get("data") for path in paths] == before
    _helm(installed, home, "rollback", "1")
    assert _deployments(installed)["evenhand-detect"]["spec"]["replicas"] == 2
    assert [installed.get(path).get("data") for path in paths] == before


def test_uninstall_leaves_only_what_it_says(installed: Kubernetes, home: Path) -> None:
    """CRD, components, keys, the Lease; and every running pod with its sidecar."""
    _helm(installed, home, "uninstall")
    until(lambda: not _deployments(installed), "Deployments stay")
    kinds = {
        "/api/v1": ("configmaps", "secrets", "services", "serviceaccounts"),
        "/apis/coordination.k8s.io/v1": ("leases",),
        "/apis/policy/v1": ("poddisruptionbudgets",),
        "/apis/networking.k8s.io/v1": ("networkpolicies",),
        "/apis/rbac.authorization.k8s.io/v1": ("roles", "rolebindings"),
    }
    left = {
        item["metadata"]["name"]
        for api, resources in kinds.items()
        for resource in resources
        for item in installed.get(f"{api}/namespaces/{HOME}/{resource}")["items"]
    }
    own = {"default", "kube-root-ca.crt"}  # the namespace's own
    assert left - own == {"evenhand-components", "evenhand-privacy-keys", "evenhand-operator"}
    assert installed.get(f"{CRDS}/{NAME}")["metadata"]["name"] == NAME
    pod = installed.get(f"/api/v1/namespaces/{TEAM}/pods/served")
    assert SIDECAR in str(pod["spec"])
    _helm(installed, home, "install")
