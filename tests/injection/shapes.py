"""Pods as they are found in clusters, with the Services before them and what is to become of them.

Each shape is a pod (YAML of its spec, and of its annotations), its Services' ports as
``targetPort`` values, and the decision: the placement's words, or the code of the refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from collectors.injection.base import COMPONENT_LABEL
from tests.injection import pods

Manifest = dict[str, Any]

NEW, OLD = (1, 33), (1, 28)


@dataclass(frozen=True, slots=True)
class Shape:
    """One pod and its decision."""

    name: str
    spec: str
    targets: tuple[int | str, ...]
    decision: str
    annotations: str = "{}"
    version: tuple[int, int] = NEW

    @property
    def pod(self) -> Manifest:
        """The manifest."""
        labels = {"app": "m", COMPONENT_LABEL: "credit"}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "m-0",
                "namespace": "team",
                "labels": labels,
                "annotations": yaml.safe_load(self.annotations),
            },
            "spec": yaml.safe_load(self.spec),
        }

    @property
    def services(self) -> list[Manifest]:
        """One Service for its targets, and one that selects other pods."""
        other = _service("other", {"app": "x"}, (8080,))
        return [other, *([_service("m", {"app": "m"}, self.targets)] if self.targets else [])]

    @property
    def is_placed(self) -> bool:
        """Whether a sidecar is to be put in."""
        return "->" in self.decision


def _service(name: str, selector: Manifest, targets: tuple[int | str, ...]) -> Manifest:
    ports = [{"name": f"p{i}", "port": 80 + i, "targetPort": t} for i, t in enumerate(targets)]
    metadata = {"name": name, "namespace": "team"}
    return {"metadata": metadata, "spec": {"selector": selector, "ports": ports}}


def _edited(spec: str, old: str, new: str) -> str:
    assert old in spec, old
    return spec.replace(old, new)


SHAPES = (
    # KServe in raw mode: Services target a number
    Shape("kserve raw", pods.KSERVE, (8080,), "runtime: kserve-container 8080 -> 19082"),
    Shape(
        "kserve raw, sidecar as last container before 1.29",
        pods.KSERVE,
        (8080,),
        "runtime: kserve-container 8080 -> 19082",
        version=OLD,
    ),
    Shape(
        "kserve before its Service exists",
        pods.KSERVE,
        (),
        "runtime: kserve-container 8080 -> 19082",
    ),
    Shape(
        "kserve behind its agent", pods.AGENT, (9081,), "runtime: kserve-container 8080 -> 19082"
    ),
    Shape(
        "kserve behind a proxy", pods.PROXIED, (8443,), "runtime: kserve-container 8080 -> 19082"
    ),
    Shape("kserve whose port stays out of the Service", pods.KSERVE, (9090,), "not_targeted"),
    Shape(
        "kserve without args",
        _edited(
            pods.KSERVE, "  args: [--model_name=m, --model_dir=/mnt/models, --http_port=8080]\n", ""
        ),
        (8080,),
        "no_args",
    ),
    Shape(
        "kserve that does not say its port",
        _edited(pods.KSERVE, ", --http_port=8080", ""),
        (8080,),
        "runtime: kserve-container 8080 -> 19082",
    ),
    Shape(
        "restricted, read-only root", pods.HARD, (8080,), "runtime: kserve-container 8080 -> 19082"
    ),
    # Knative
    Shape("knative", pods.KNATIVE, (8012, 8112), "knative: queue-proxy 19080 -> 8080"),
    Shape("knative without a Service yet", pods.KNATIVE, (), "knative: queue-proxy 19080 -> 8080"),
    Shape(
        "knative without USER_PORT",
        _edited(pods.KNATIVE, '  - {name: USER_PORT, value: "8080"}\n', ""),
        (8012,),
        "no_user_port",
    ),
    # Triton
    Shape("triton by name", pods.TRITON, ("http", "grpc"), "runtime: triton 8000 -> 19082"),
    Shape("triton by number", pods.TRITON, (8000,), "runtime: triton 8000 -> 19082"),
    Shape("triton, only gRPC is served", pods.TRITON, (8001,), "not_targeted"),
    Shape(
        "triton by its program",
        _edited(pods.TRITON, "nvcr.io/nvidia/tritonserver:25.03-py3", "registry.local/t:1"),
        (8000,),
        "runtime: triton 8000 -> 19082",
    ),
    # vLLM
    Shape("vllm", pods.VLLM, (8000,), "runtime: vllm 8000 -> 19082"),
    Shape(
        "vllm by command",
        _edited(pods.VLLM, "args: [", "command: [vllm, serve, "),
        (8000,),
        "runtime: vllm 8000 -> 19082",
    ),
    Shape(
        "vllm in a shell",
        _edited(
            pods.VLLM,
            "args: [--model, Qwen/Qwen3-0.6B, --port=8000]",
            'command: [/bin/sh, -c]\n  args: ["vllm serve m --port 8000"]',
        ),
        (8000,),
        "shell",
    ),
    Shape(
        "vllm whose port is a variable",
        _edited(pods.VLLM, "--port=8000", "--port=$(P)"),
        (8000,),
        "port_not_a_number",
    ),
    Shape(
        "vllm with TLS",
        _edited(pods.VLLM, "--port=8000", "--port=8000, --ssl-keyfile=k"),
        (8000,),
        "tls",
    ),
    Shape("two of vllm", pods.TWIN, (8000,), "ambiguous_container"),
    Shape(
        "two of vllm, one is named",
        pods.TWIN,
        (8001,),
        "runtime: b 8001 -> 19082",
        annotations="{evenhand.io/container: b}",
    ),
    # MLServer
    Shape("mlserver", pods.MLSERVER, ("http",), "runtime: server 8080 -> 19082"),
    Shape(
        "mlserver that does not say its port",
        _edited(pods.MLSERVER, '  env: [{name: MLSERVER_HTTP_PORT, value: "8080"}]\n', ""),
        (8080, "grpc"),
        "runtime: server 8080 -> 19082",
    ),
    Shape(
        "mlserver whose port comes from elsewhere",
        _edited(pods.MLSERVER, 'value: "8080"', "valueFrom: {configMapKeyRef: {name: c, key: k}}"),
        (8080,),
        "port_not_a_number",
    ),
    Shape(
        "mlserver on another port that it does not say",
        _edited(
            _edited(pods.MLSERVER, '  env: [{name: MLSERVER_HTTP_PORT, value: "8080"}]\n', ""),
            "containerPort: 8080",
            "containerPort: 9000",
        ),
        ("http",),
        "port_unknown",
    ),
    # TensorFlow Serving
    Shape("tf serving", pods.TF, (8501, 8500), "runtime: tf 8501 -> 19082"),
    Shape(
        "tf serving without its entry point",
        _edited(pods.TF, "args: [", "command: [/usr/bin/tensorflow_model_server]\n  args: ["),
        (8501,),
        "no_http_port",
    ),
    Shape(
        "tf serving by kserve",
        _edited(
            pods.TF,
            "args: [--model_name=m]",
            "command: [/usr/bin/tensorflow_model_server]\n"
            "  args: [--model_name=m, --port=9000, --rest_api_port=8080]",
        ),
        (8080,),
        "runtime: tf 8080 -> 19082",
    ),
    # Unknown apps
    Shape("named port", pods.CUSTOM, ("http",), "named port: app 19080 -> 5000"),
    Shape(
        "named port, probes of each kind", pods.PROBED, ("http",), "named port: app 19080 -> 8080"
    ),
    Shape("named port among containers", pods.TWO, ("http",), "named port: app 19080 -> 5000"),
    Shape("two named ports", pods.TWO, ("http", "redis"), "ambiguous_port"),
    Shape(
        "two named ports, one is chosen",
        pods.TWO,
        ("http", "redis"),
        "named port: app 19080 -> 5000",
        annotations="{evenhand.io/port: http}",
    ),
    Shape(
        "named port beside metrics by number",
        _edited(pods.CUSTOM, "5000}", "5000}, {name: metrics, containerPort: 9100}"),
        ("http", 9100),
        "named port: app 19080 -> 5000",
    ),
    Shape("numeric target, unknown app", pods.CUSTOM, (5000,), "numeric_target"),
    Shape("name and number of one port", pods.CUSTOM, ("http", 5000), "numeric_target"),
    Shape("unknown app without a Service", pods.CUSTOM, (), "no_service"),
    Shape("a name that nobody declares", pods.CUSTOM, ("web",), "undeclared_port"),
    Shape(
        "port 80 of an unknown app by name",
        _edited(pods.CUSTOM, "5000", "80"),
        ("http",),
        "named port: app 19080 -> 80",
    ),
    # Annotations
    Shape(
        "moved by a variable",
        pods.CUSTOM,
        (5000,),
        "annotation: app 5000 -> 19082",
        annotations='{"evenhand.io/move": "env:PORT"}',
    ),
    Shape(
        "moved by a flag",
        _edited(pods.CUSTOM, "  ports", "  args: [serve, --listen, '5000']\n  ports"),
        (5000,),
        "annotation: app 5000 -> 19082",
        annotations='{"evenhand.io/move": "arg:--listen", "evenhand.io/port": "5000"}',
    ),
    Shape(
        "moved by its own image",
        pods.CUSTOM,
        (8080,),
        "annotation: app 8080 -> 5000",
        annotations='{"evenhand.io/move": "listens:5000", "evenhand.io/port": "8080"}',
    ),
    Shape(
        "onto itself",
        pods.CUSTOM,
        (5000,),
        "same_port",
        annotations='{"evenhand.io/move": "listens:5000"}',
    ),
    Shape(
        "moved in no known way",
        pods.CUSTOM,
        (5000,),
        "wrong_annotation",
        annotations='{"evenhand.io/move": "file:/etc/app"}',
    ),
    Shape(
        "an annotation goes before the runtime",
        pods.MLSERVER,
        (8080,),
        "annotation: server 8080 -> 19082",
        annotations='{"evenhand.io/move": "env:HTTP", "evenhand.io/port": "http"}',
    ),
    Shape(
        "a runtime that its image does not tell",
        _edited(pods.CUSTOM, "  ports", "  args: [--port=5000]\n  ports"),
        (5000,),
        "runtime: app 5000 -> 19082",
        annotations="{evenhand.io/runtime: vllm}",
    ),
    Shape(
        "a runtime that is not known",
        pods.CUSTOM,
        (5000,),
        "wrong_annotation",
        annotations="{evenhand.io/runtime: torchserve}",
    ),
    Shape(
        "a container that is not there",
        pods.TWO,
        ("http",),
        "wrong_annotation",
        annotations="{evenhand.io/container: model}",
    ),
    # Hindrances
    Shape("host network", f"hostNetwork: true\n{pods.CUSTOM}", ("http",), "host_network"),
    Shape("windows", f"os: {{name: windows}}\n{pods.CUSTOM}", ("http",), "windows"),
    Shape("a job before 1.29", f"restartPolicy: Never\n{pods.VLLM}", (), "never_ends", version=OLD),
    Shape("a job", f"restartPolicy: Never\n{pods.VLLM}", (), "runtime: vllm 8000 -> 19082"),
    Shape(
        "HTTPS probes",
        _edited(
            pods.PROBED, "port: http}}\n  readiness", "port: http, scheme: HTTPS}}\n  readiness"
        ),
        ("http",),
        "tls",
    ),
    Shape(
        "a port named https", _edited(pods.CUSTOM, "name: http", "name: https"), ("https",), "tls"
    ),
    Shape("port 80 by runtime", _edited(pods.VLLM, "8000", "80"), (80,), "privileged_port"),
    Shape(
        "our port is taken",
        _edited(pods.CUSTOM, "5000}", "5000}, {name: x, containerPort: 19081}"),
        ("http",),
        "port_taken",
    ),
    Shape(
        "not wanted",
        pods.KSERVE,
        (8080,),
        "not_wanted",
        annotations='{"evenhand.io/inject": "false"}',
    ),
    Shape(
        "injected before",
        f"{pods.CUSTOM}- {{name: evenhand-collect, image: e}}\n",
        ("http",),
        "injected",
    ),
    Shape(
        "a static pod",
        pods.CUSTOM,
        ("http",),
        "static_pod",
        annotations='{"kubernetes.io/config.mirror": "x"}',
    ),
)
