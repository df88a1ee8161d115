"""ModelInfer to a real model server: what it says directly, what it says through the sidecar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import msgspec

from collectors.protocols.kserve_v2_grpc import PATH, messages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Told:
    """An answer: its message, or why there is none; ids that the server draws are left out."""

    message: bytes
    code: str = "OK"
    details: str = ""


def tell(port: int, requests: Sequence[bytes]) -> list[Told]:
    """Call ModelInfer with each message, one after the other, on one connection."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        infer = channel.unary_unary(PATH)
        return [_told(infer, request) for request in requests]


def model_infer(model: str, tensors: Sequence[dict[str, Any]], raw: Sequence[bytes] = ()) -> bytes:
    """A request; ``tensors`` as the JSON form of the message has them."""
    message = messages()["Request"](model_name=model, id="r-1", raw=raw)
    for tensor in tensors:
        added = message.tensors.add(**{name: tensor[name] for name in ("name", "datatype")})
        added.shape.extend(tensor["shape"])
        for field, values in tensor.get("contents", {}).items():
            getattr(added.contents, field).extend(values)
    return bytes(message.SerializeToString())


def tensors_of(path: Path) -> list[dict[str, Any]]:
    """The tensors of a published request."""
    tensors: list[dict[str, Any]] = msgspec.json.decode(path.read_bytes())["inputs"]
    return tensors


def _told(infer: Any, request: bytes) -> Told:
    try:
        return Told(_UUID.sub(b"-", infer(request, timeout=60)))
    except grpc.RpcError as error:
        return Told(b"", error.code().name, error.details())
