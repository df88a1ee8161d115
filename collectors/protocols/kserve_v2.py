"""Open Inference Protocol V2 as JSON: ``/v2/models/NAME[/versions/V]/infer``.

A tensor of shape [n] or [n, 1] is one value per instance, [n, d] is d values per instance. The
binary tensor extension is refused (``binary``).

Source: KServe, "Open inference protocol (V2)", HTTP/REST.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.base import Inference
from collectors.body import json_body
from collectors.protocols.answer import Answer, read_answer, read_outputs
from collectors.protocols.inputs import read_batch, read_tensors
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from collectors.base import Exchange

    Arrays = dict[str, NDArray[Any]]

_PATH = re.compile(r"/v2/models/(?:[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")
_BINARY_HEADER = "inference-header-content-length"


class KServeV2:
    """Named tensors in and out."""

    name = "kserve-v2"

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and _PATH.fullmatch(path) is not None

    def version(self, path: str) -> str | None:
        place = _PATH.fullmatch(path)
        return place and place["version"]

    def decode(self, exchange: Exchange) -> Inference:
        _refuse_binary(exchange.request_headers)
        request = json_body(exchange.request_body, exchange.request_headers)
        n, inputs = _inputs(request)
        answer = _answer(exchange)
        outputs, refused = read_outputs(answer, n, _outputs)
        identifier = request.get("id")
        return Inference(
            n=n,
            inputs=inputs,
            outputs=outputs,
            request=request,
            response=answer.body,
            request_id=identifier if isinstance(identifier, str) and identifier else None,
            response_id=answer.text("id"),
            version=answer.text("model_version"),
            refused=refused,
        )


def _inputs(request: object) -> tuple[int, Arrays]:
    if not isinstance(request, dict) or "inputs" not in request:
        raise CaptureError("no_inputs", "the request has no inputs")
    return _tensors(request["inputs"], "input")


def _outputs(response: dict[str, Any]) -> tuple[int, Arrays]:
    if "outputs" not in response:
        raise CaptureError("no_outputs", "the response has no outputs")
    return _tensors(response["outputs"], "output")


def _tensors(value: object, name: str) -> tuple[int, Arrays]:
    if isinstance(value, list) and any(map(_is_tensor, value)):
        if all(isinstance(item, dict) for item in value):
            return read_tensors(value, name)
        raise CaptureError("ragged", f"{name}s hold tensors beside other things")
    return read_batch(value, f"{name}-0")


def _is_tensor(item: object) -> bool:
    return isinstance(item, dict) and ("datatype" in item or {"name", "data"} <= item.keys())


def _answer(exchange: Exchange) -> Answer:
    try:
        _refuse_binary(exchange.response_headers)
    except CaptureError as error:
        return Answer(refused=None if exchange.failed else error)
    return read_answer(exchange)


def _refuse_binary(headers: Mapping[str, str]) -> None:
    if _BINARY_HEADER in headers:
        raise CaptureError("binary", "the binary tensor extension is not read; send data as JSON")
