"""Bodies of ModelInfer, as a client and a server make them."""

from __future__ import annotations

import struct

from collectors.protocols.kserve_v2_grpc import messages


def framed(message: bytes) -> bytes:
    """As gRPC sends a message."""
    return struct.pack(">BI", 0, len(message)) + message


def grpc_request(*ages: float, raw: bool = False, model: str = "loans") -> bytes:
    """A ModelInferRequest of one tensor ``age``, typed or as raw bytes."""
    message = messages()["Request"](model_name=model, id="r-1")
    tensor = message.tensors.add(name="age", datatype="FP64", shape=[len(ages)])
    if raw:
        message.raw.append(struct.pack(f"<{len(ages)}d", *ages))
    else:
        tensor.contents.fp64_contents.extend(ages)
    return bytes(message.SerializeToString())


def grpc_response(rows: int) -> bytes:
    """A ModelInferResponse that says 1 for every row."""
    message = messages()["Response"](model_name="loans", model_version="3")
    tensor = message.tensors.add(name="predict", datatype="INT64", shape=[rows])
    tensor.contents.int64_contents.extend([1] * rows)
    return bytes(message.SerializeToString())
