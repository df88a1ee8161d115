"""Open Inference Protocol V2 over gRPC: unary ``ModelInfer``.

Tensors come typed (``contents``) or as raw bytes (``raw_input_contents``); they are read as those
of V2 over REST are. Needs the extra ``grpc``.

Source: KServe, "Open inference protocol (V2)", gRPC; field numbers of its ``ModelInferRequest``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from collectors.base import Parsed
from collectors.protocols.binary_tensors import values_of
from collectors.protocols.grpc import unary_message
from collectors.protocols.inputs import read_tensors
from collectors.protocols.layout import join_tensors, joint_layout, tensors_layout
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange

    Arrays = dict[str, NDArray[Any]]

PATH = "/inference.GRPCInferenceService/ModelInfer"

# Number, name, type of descriptor.proto; repeated where the name ends in *.
_CONTENTS = (
    (1, "bool_contents*", "BOOL"),
    (2, "int_contents*", "INT32"),
    (3, "int64_contents*", "INT64"),
    (4, "uint_contents*", "UINT32"),
    (5, "uint64_contents*", "UINT64"),
    (6, "fp32_contents*", "FLOAT"),
    (7, "fp64_contents*", "DOUBLE"),
    (8, "bytes_contents*", "BYTES"),
)
_TENSOR = (
    (1, "name", "STRING"),
    (2, "datatype", "STRING"),
    (3, "shape*", "INT64"),
    (5, "contents", ".evenhand.oip.Contents"),
)
_HEAD = ((1, "model_name", "STRING"), (2, "model_version", "STRING"), (3, "id", "STRING"))
_MESSAGES = {
    "Contents": _CONTENTS,
    "Tensor": _TENSOR,
    "Request": (*_HEAD, (5, "tensors*", ".evenhand.oip.Tensor"), (7, "raw*", "BYTES")),
    "Response": (*_HEAD, (5, "tensors*", ".evenhand.oip.Tensor"), (6, "raw*", "BYTES")),
}


class KServeV2Grpc:
    """Named tensors in and out, as protocol buffers."""

    name = "kserve-v2-grpc"

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and path == PATH

    def version(self, path: str) -> str | None:  # noqa: ARG002 - its path names none
        return None

    def parse(self, exchange: Exchange) -> Parsed:
        message = unary_message(exchange.request_body, exchange.request_headers)
        request = _read("Request", message)
        inputs = _tensors(request)
        if not inputs:
            raise CaptureError("no_inputs", "the request has no inputs")
        response, outputs, refused = _answer(exchange)
        layout, rows = joint_layout(tensors_layout, inputs, outputs)
        return Parsed(
            inputs=inputs,
            outputs=outputs,
            layout=None if refused else layout,
            rows=rows,
            request={"model_name": request.model_name, "id": request.id, "inputs": inputs},
            response=response and {"id": response.id, "outputs": outputs},
            request_id=request.id or None,
            response_id=(response and response.id) or None,
            version=(response and response.model_version) or request.model_version or None,
            refused=refused,
        )

    def inputs(self, value: Any) -> tuple[int, Arrays]:
        return read_tensors(value, "input")

    def outputs(self, value: Any) -> tuple[int, Arrays]:
        return read_tensors(value, "output")

    def join(self, values: Sequence[Any]) -> Any:
        return join_tensors(values)


def _answer(exchange: Exchange) -> tuple[Any, list[dict[str, Any]] | None, CaptureError | None]:
    if exchange.failed or not exchange.response_body:
        return None, None, None
    try:
        message = unary_message(exchange.response_body, exchange.response_headers)
        response = _read("Response", message)
        return response, _tensors(response), None
    except CaptureError as error:
        return None, None, error


def _tensors(message: Any) -> list[dict[str, Any]]:
    tensors = message.tensors
    raw = list(message.raw)
    if raw and len(raw) != len(tensors):
        raise CaptureError("binary", f"{len(raw)} raw contents for {len(tensors)} tensors")
    return [
        {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(tensor.shape),
            "data": values_of(raw[i], tensor.datatype) if raw else _contents(tensor),
        }
        for i, tensor in enumerate(tensors)
    ]


def _contents(tensor: Any) -> list[Any]:
    fields = tensor.contents.ListFields()
    if len(fields) > 1:
        raise CaptureError("datatype", f"{tensor.name[:40]!r} has contents of {len(fields)} types")
    if not fields:
        return []
    descriptor, values = fields[0]
    if descriptor.name != "bytes_contents":
        return list(values)
    return [_text(value) for value in values]


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _read(name: str, raw: bytes) -> Any:
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - an extra, and seldom needed

    message = messages()[name]()
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise CaptureError("grpc", f"the message is no {name} of ModelInfer: {error}") from None
    return message


@cache
def messages() -> dict[str, Any]:
    """Classes of the messages, by our names for them; fields that nobody reads are left out."""
    from google.protobuf import (  # noqa: PLC0415 - as above
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )

    file = descriptor_pb2.FileDescriptorProto(
        name="evenhand/oip.proto", package="evenhand.oip", syntax="proto3"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for number, field, kind in fields:
            message = kind.startswith(".")
            described.field.add(
                name=field.removesuffix("*"),
                number=number,
                type=kinds.TYPE_MESSAGE if message else getattr(kinds, f"TYPE_{kind}"),
                type_name=kind if message else None,
                label=kinds.LABEL_REPEATED if field.endswith("*") else kinds.LABEL_OPTIONAL,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"evenhand.oip.{name}"))
        for name in _MESSAGES
    }
