"""How long a pod waits for its sidecar: 1,000 admissions, at the webhook and through the server.

Prints the table of docs/kubernetes.md; asserts what does not hang on the machine, that every pod is
patched. Figures of a busy machine are those of a busy machine.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from collectors.injection.base import COMPONENT_LABEL
from governance.component.crd import GROUP, PLURAL, VERSION
from tests.kubernetes.conftest import namespace
from tests.kubernetes.operator_process import operating
from tests.kubernetes.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.testkit.kubernetes import Kubernetes

TEAM = "crowd"
MANY = 1_000


def _pod(name: str, component: str | None = "credit") -> dict[str, Any]:
    labels = {"app": "m"} | ({COMPONENT_LABEL: component} if component else {})
    container = {"name": "v", "image": "vllm/vllm-openai:v1", "args": ["--port=8000"]}
    metadata = {"name": name, "namespace": TEAM, "labels": labels}
    return {"metadata": metadata, "spec": {"containers": [container]}}


def _cpu_ms(pid: int) -> float:
    """What a process has used of the CPU, in milliseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1e3 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _milliseconds(work: Callable[[int], object]) -> tuple[float, float, float]:
    """Median, 99th percentile and maximum over MANY calls."""
    took = []
    for i in range(MANY):
        began = time.perf_counter()
        work(i)
        took.append((time.perf_counter() - began) * 1e3)
    return float(np.median(took)), float(np.percentile(took, 99)), max(took)


def test_a_thousand_admissions(kubernetes: Kubernetes, tmp_path: Path) -> None:
    """Every one is patched; the table says how long it took."""
    namespace(kubernetes, TEAM)
    component = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": "credit", "namespace": TEAM},
        "spec": {"model": {"name": "m", "version": "1", "modality": ["tabular"]}},
    }
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{TEAM}/{PLURAL}/credit"
    for i in range(20):  # as a namespace of some models has
        spec = {"selector": {"app": f"s{i}"}, "ports": [{"port": 80}]}
        body = {"metadata": {"name": f"s{i}"}, "spec": spec}
        kubernetes.ask("POST", f"/api/v1/namespaces/{TEAM}/services", body)
    pods = f"/api/v1/namespaces/{TEAM}/pods"

    def create(pod: dict[str, Any]) -> dict[str, Any]:
        answer = kubernetes.client.post(pods, params={"dryRun": "All"}, json=pod)
        return dict(answer.json()["spec"])

    with operating(kubernetes, tmp_path) as running:
        assert kubernetes.apply(path, component) == ""
        until(lambda: "initContainers" in create(_pod("first")), "the webhook is not asked")
        context = ssl.create_default_context(cafile=str(tmp_path / "tls.crt"))
        url = f"https://127.0.0.1:{running.webhook_port}/inject"
        with httpx.Client(verify=context, trust_env=False) as client:

            def ask(i: int) -> None:
                review = {"uid": str(i), "namespace": TEAM, "object": _pod(f"p{i}")}
                answer = client.post(url, content=json.dumps({"request": review}))
                assert "patch" in answer.json()["response"]

            def admit(i: int) -> None:
                assert "initContainers" in create(_pod(f"p{i}"))

            before = _cpu_ms(running.process.pid)
            alone = _milliseconds(ask)
            cpu_ms = (_cpu_ms(running.process.pid) - before) / MANY
            rows = {
                "webhook alone, over TLS": alone,
                "pod without label, through the API server": _milliseconds(
                    lambda i: create(_pod(f"p{i}", None))
                ),
                "pod with label, through the API server": _milliseconds(admit),
            }
    _print(rows)
    print(f"CPU of the operator: {cpu_ms:.1f} ms an admission")  # noqa: T201 - see _print


def _print(rows: dict[str, tuple[float, float, float]]) -> None:
    lines = [f"| {MANY:,} admissions, one after the other | p50 ms | p99 ms | max ms |"]
    lines.append("|---|---|---|---|")
    for name, figures in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |")
    print("", *lines, sep="\n")  # noqa: T201 - it is for this table
