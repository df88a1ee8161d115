"""Open Inference Protocol V2 as JSON: ``/v2/models/NAME[/versions/V]/infer``, ``infer_stream``.

A tensor of shape [n] or [n, 1] is one value per instance, [n, d] is d values per instance.

Source: KServe, "Open inference protocol (V2)", HTTP/REST.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.base import Parsed
from collectors.body import inflated, json_body
from collectors.protocols.answer import Answer, read_answer
from collectors.protocols.binary_tensors import HEADER, split_body, with_data
from collectors.protocols.inputs import read_batch, read_tensors
from collectors.protocols.kserve_v2_stream import one_response
from collectors.protocols.layout import join_tensors, joint_layout, tensors_layout
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange

    Arrays = dict[str, NDArray[Any]]

_PATH = re.compile(r"/v2/models/(?:[^/]+)(?:/versions/(?P<version>[^/]+))?/infer(?:_stream)?")


class KServeV2:
    """Named tensors in and out."""

    name = "kserve-v2"

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and _PATH.fullmatch(path) is not None

    def version(self, path: str) -> str | None:
        place = _PATH.fullmatch(path)
        return place and place["version"]

    def parse(self, exchange: Exchange) -> Parsed:
        request = _body(exchange.request_body, exchange.request_headers, "inputs")
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
    if HEADER not in exchange.response_headers or exchange.failed or not exchange.response_body:
        return read_answer(exchange, one_response)
    try:
        body = _body(exchange.response_body, exchange.response_headers, "outputs")
    except CaptureError as error:
        return Answer(refused=error)
    return Answer(body if isinstance(body, dict) else None)


def _body(body: bytes | None, headers: Mapping[str, str], key: str) -> Any:
    """The JSON of a body; binary parts of its tensors are put in the place of their data."""
    if HEADER not in headers or not body:
        return json_body(body, headers)
    head, rest = split_body(inflated(body, headers.get("content-encoding", "")), headers)
    if not isinstance(head, dict) or key not in head:
        return head
    return {**head, key: with_data(head[key], rest)}
