"""Open Inference Protocol V2 as JSON: ``/v2/models/NAME[/versions/V]/infer``.

A tensor of shape [n] or [n, 1] is one value per instance, [n, d] is d values per instance. The
binary tensor extension is refused (``binary``).

Source: KServe, "Open inference protocol (V2)", HTTP/REST.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.base import Parsed
from collectors.body import json_body
from collectors.protocols.answer import Answer, read_answer
from collectors.protocols.inputs import read_batch, read_tensors
from collectors.protocols.layout import join_tensors, joint_layout, tensors_layout
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

    def parse(self, exchange: Exchange) -> Parsed:
        _refuse_binary(exchange.request_headers)
        request = json_body(exchange.request_body, exchange.request_headers)
        if not isinstance(request, dict) or "inputs" not in request:
            raise CaptureError("no_inputs", "the request has no inputs")
        answer = _answer(exchange)
        inputs, identifier = request["inputs"], request.get("id")
        outputs, refused = _outputs(answer)
        layout, rows = joint_layout(tensors_layout, inputs, outputs)
        return Parsed(
            inputs=inputs,
            outputs=outputs,
            layout=None if refused else layout,
            rows=rows,
            request=request,
            response=answer.body,
            request_id=identifier if isinstance(identifier, str) and identifier else None,
            response_id=answer.text("id"),
            version=answer.text("model_version"),
            refused=refused,
        )

    def inputs(self, value: Any) -> tuple[int, Arrays]:
        return _tensors(value, "input")

    def outputs(self, value: Any) -> tuple[int, Arrays]:
        return _tensors(value, "output")

    def join(self, values: Sequence[Any]) -> Any:
        return join_tensors(values)


def _outputs(answer: Answer) -> tuple[Any, CaptureError | None]:
    if answer.body is None or "outputs" in answer.body:
        return answer.get("outputs"), answer.refused
    return None, CaptureError("no_outputs", "the response has no outputs")


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
