"""Runs in the environment of KServe's ModelServer: three models on loopback.

    python serve_kserve.py FOLDER HTTP_PORT GRPC_PORT

KServe binds every address by itself; two patches say 127.0.0.1 in its place.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
FOLDER, HTTP_PORT, GRPC_PORT = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sys.argv = [sys.argv[0], "--http_port", str(HTTP_PORT), "--grpc_port", str(GRPC_PORT)]

import numpy as np  # noqa: E402 - KServe reads sys.argv when it is imported
import uvicorn  # noqa: E402
from grpc import aio  # noqa: E402
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer  # noqa: E402
from kserve.utils.utils import generate_uuid  # noqa: E402

# Means of the four measurements of each species in Fisher's Iris data.
CENTRES = np.array([[5.006, 3.428, 1.462, 0.246], [5.936, 2.77, 4.26, 1.326]])
CENTRES = np.vstack([CENTRES, [6.588, 2.974, 5.552, 2.026]])


class Echo(Model):  # type: ignore[misc] # has no types here
    """Says what it was told."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready = True

    async def predict(self, payload: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(payload, InferRequest):
            return {"predictions": self.predictions(payload["instances"])}
        return InferResponse(
            response_id=payload.id or generate_uuid(),
            model_name=self.name,
            model_version="7",
            infer_outputs=self.outputs(payload.inputs),
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )

    def predictions(self, instances: list[Any]) -> list[Any]:
        return instances

    def outputs(self, tensors: list[Any]) -> list[Any]:
        return [_output(one.name, one.datatype, one.as_numpy()) for one in tensors]


class Iris(Echo):
    """The nearest centre."""

    def predictions(self, instances: list[Any]) -> list[Any]:
        rows = np.array(instances, dtype=np.float64)
        nearest = ((rows[:, None, :] - CENTRES) ** 2).sum(axis=2).argmin(axis=1)
        return [int(species) for species in nearest]

    def outputs(self, tensors: list[Any]) -> list[Any]:
        species = self.predictions(tensors[0].as_numpy().tolist())
        return [_output("output-0", "INT64", np.array(species, dtype=np.int64))]


class Broken(Echo):
    """Fails as a bug would."""

    def predictions(self, instances: list[Any]) -> list[Any]:
        raise RuntimeError(f"the model broke on {len(instances)} instances")

    def outputs(self, tensors: list[Any]) -> list[Any]:
        raise RuntimeError(f"the model broke on {len(tensors)} tensors")


def _output(name: str, datatype: str, values: Any) -> Any:
    output = InferOutput(name, list(values.shape), datatype)
    output.set_data_from_numpy(values, binary_data=False)
    return output


def bind_loopback() -> None:
    """Whatever address KServe names, listen on loopback."""
    configure = uvicorn.Config.__init__

    def on_loopback(self: Any, *arguments: Any, **options: Any) -> None:
        configure(self, *arguments, **{**options, "host": HOST})

    uvicorn.Config.__init__ = on_loopback  # type: ignore[method-assign]
    server: Any = type(aio.server())
    add_port = server.add_insecure_port

    def add_loopback_port(self: Any, address: str) -> int:
        return int(add_port(self, f"{HOST}:{address.rpartition(':')[2]}"))

    server.add_insecure_port = add_loopback_port


if __name__ == "__main__":
    bind_loopback()
    ModelServer().start([Iris("iris"), Echo("echo"), Broken("broken")])
