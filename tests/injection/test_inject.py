"""``evenhand inject``: the webhook's decision, without a cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from governance.service.cli.main import main
from tests.injection.test_patch import apply

if TYPE_CHECKING:
    from pathlib import Path

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: team, labels: {app: m, evenhand.io/component: credit}}
spec:
  containers:
  - {name: app, image: "registry.local/app:1", ports: [{name: http, containerPort: 5000}]}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: m, namespace: team}
spec: {selector: {app: m}, ports: [{port: 80, targetPort: http}]}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: team}
spec:
  selector: {matchLabels: {app: m}}
  template:
    metadata: {labels: {app: m}}
    spec: {containers: [{name: v, image: "vllm/vllm-openai:v1", args: [--port=8000]}]}
"""
COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: credit, namespace: team}
spec: {model: {name: m, version: "1", modality: [tabular]}}
"""


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["inject", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def _file(folder: Path, *texts: str) -> str:
    path = folder / "m.yaml"
    path.write_text("---\n".join(texts))
    return str(path)


def _names(pod: dict[str, Any]) -> list[str]:
    spec = pod["spec"]
    return [c["name"] for c in (*spec.get("initContainers", ()), *spec["containers"])]


def test_a_pod_is_printed_as_it_would_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the decision in words on stderr."""
    code, out, err = _run(capsys, _file(tmp_path, POD, SERVICE))
    assert code == 0
    assert _names(yaml.safe_load(out)) == ["evenhand-collect", "app"]
    assert err == "Pod p: named port: app 19080 -> 5000\n"


def test_the_patch_makes_the_same_pod(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON Patch and manifest are two views of one decision."""
    file = _file(tmp_path, POD, SERVICE)
    _, manifest, _ = _run(capsys, file)
    _, patch, _ = _run(capsys, file, "--patch")
    assert apply(yaml.safe_load(POD), json.loads(patch)) == yaml.safe_load(manifest)


def test_a_refused_pod_is_exit_code_1_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline can stop on it."""
    code, out, err = _run(capsys, _file(tmp_path, POD))
    assert code == 1
    assert yaml.safe_load(out)["metadata"]["annotations"]["evenhand.io/inject-status"] == "refused"
    assert err.startswith("Pod p: no_service: the runtime is unknown")


def test_a_deployment_is_changed_in_its_template(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The label may come from the command line; the namespace stays out of the template."""
    file = _file(tmp_path, DEPLOYMENT)
    code, out, _ = _run(capsys, file, "--component", "credit", "--kubernetes-version", "v1.28.3")
    template = yaml.safe_load(out)["spec"]["template"]
    assert code == 0
    assert _names(template) == ["v", "evenhand-collect"]
    assert "namespace" not in template["metadata"]


def test_the_component_decides_about_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its file at hand the hash is the cluster's."""
    (tmp_path / "credit.yaml").write_text(COMPONENT)
    file = _file(tmp_path, POD, SERVICE)
    _, out, _ = _run(capsys, file, "--components", str(tmp_path / "credit.yaml"))
    pod = yaml.safe_load(out)
    assert len(pod["metadata"]["annotations"]["evenhand.io/config-hash"]) == 16
    assert pod["spec"]["volumes"][-1]["secret"]["secretName"] == "evenhand-privacy-key"


@pytest.mark.parametrize(
    ("texts", "flags", "words"),
    [
        ((SERVICE,), (), "no pod in these files"),
        ((DEPLOYMENT,), (), "the pod has no label evenhand.io/component"),
        ((POD,), ("--kubernetes-version", "new"), "is not X.Y"),
        (("- 1\n",), (), "is not a Kubernetes manifest"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    texts: tuple[str, ...],
    flags: tuple[str, ...],
    words: str,
) -> None:
    """With what is wrong and what to write."""
    code, _, err = _run(capsys, _file(tmp_path, *texts), *flags)
    assert code == 2
    assert words in err
