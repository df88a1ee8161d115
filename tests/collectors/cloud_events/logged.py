"""CloudEvents exactly as inference loggers write them.

KServe: kserve v0.15, pkg/logger/{handler,worker}.go through cloudevents/sdk-go v2, binary mode.
Seldon: seldon-core, executor/logger/worker.go (an id of its own for each half, ``ce-requestid`` for
both), and MLServer's 0.3 headers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

V1_REQUEST = b'{"instances": [[1.5, 2], [3, 4]]}'
V1_RESPONSE = b'{"predictions": [1, 0]}'


def kserve(side: str, name: str = "a", **changes: str) -> dict[str, str]:
    """Headers of the agent's POST; the response carries the request's content type."""
    headers = {
        "user-agent": "Go-http-client/1.1",
        "ce-annotations": json.dumps({"serving.kserve.io/deploymentMode": "Standard"}),
        "ce-component": "predictor",
        "ce-endpoint": "default",
        "ce-id": name,
        "ce-inferenceservicename": "m",
        "ce-metadata": "{}",
        "ce-namespace": "shop",
        "ce-source": "m-predictor-00001-deployment-6f5b4",
        "ce-specversion": "1.0",
        "ce-time": "2026-05-01T12:00:00.25Z" if side == "response" else "2026-05-01T12:00:00Z",
        "ce-type": f"org.kubeflow.serving.inference.{side}",
        "content-type": "application/json",
    }
    return headers | {name.replace("_", "-"): text for name, text in changes.items()}


def seldon(side: str, name: str = "a", version: str = "0.3") -> dict[str, str]:
    """Headers of Seldon's executor."""
    return {
        "ce-endpoint": "default",
        "ce-id": f"{side}-of-{name}",
        "ce-inferenceservicename": "m",
        "ce-modelid": "classifier",
        "ce-namespace": "shop",
        "ce-requestid": name,
        "ce-source": "http://localhost:8000/",
        "ce-specversion": version,
        "ce-type": f"io.seldon.serving.inference.{side}",
        "content-type": "application/json",
    }


def structured(headers: Mapping[str, str], data: object) -> dict[str, object]:
    """The same event as one object."""
    named = {k.removeprefix("ce-"): v for k, v in headers.items() if k.startswith("ce-")}
    return {**named, "datacontenttype": headers["content-type"], "data": data}
