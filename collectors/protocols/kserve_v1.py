"""KServe V1, also TensorFlow Serving's REST: ``/v1/models/NAME[/versions/V]:predict``.

Requests: ``{"instances": [...]}``, columnar ``{"inputs": ...}``, or a list of such requests. The
unnamed tensor is called ``instances`` (or ``inputs``). Responses: ``{"predictions": [...]}`` or
``{"outputs": ...}``.

Source: KServe, "Data plane: V1 inference protocol"; TensorFlow Serving, "RESTful API".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.base import Parsed
from collectors.body import json_body
from collectors.protocols.answer import read_answer
from collectors.protocols.inputs import read_batch, read_rows
from collectors.protocols.layout import join_rows, joint_layout, rows_layout
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange
    from collectors.protocols.answer import Answer
    from collectors.protocols.layout import Layout

    Arrays = dict[str, NDArray[Any]]

_PATH = re.compile(r"/v1/models/(?:[^/:]+)(?:/versions/(?P<version>[^/:]+))?:predict")

_ROWS = "rows"  # values given row by row; else the name of a columnar or unnamed value


class KServeV1:
    """Rows or columns in, predictions out."""

    name = "kserve-v1"

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and _PATH.fullmatch(path) is not None

    def version(self, path: str) -> str | None:
        place = _PATH.fullmatch(path)
        return place and place["version"]

    def parse(self, exchange: Exchange) -> Parsed:
        request = json_body(exchange.request_body, exchange.request_headers)
        inputs = _inputs(request)
        answer = read_answer(exchange)
        outputs, refused = _outputs(answer)
        layout, rows = joint_layout(_layout, inputs, outputs)
        return Parsed(
            inputs=inputs,
            outputs=outputs,
            layout=None if refused else layout,
            rows=rows,
            request=request,
            response=answer.body,
            response_id=answer.text("id"),
            version=answer.text("model_version"),
            refused=refused,
        )

    def inputs(self, value: Any) -> tuple[int, Arrays]:
        kind, rows = value
        return read_rows(rows, "instances") if kind == _ROWS else read_batch(rows, kind)

    def outputs(self, value: Any) -> tuple[int, Arrays]:
        kind, rows = value
        return read_rows(rows, "predictions") if kind == _ROWS else read_batch(rows, kind)

    def join(self, values: Sequence[Any]) -> Any:
        return _ROWS, join_rows([rows for _, rows in values])


def _layout(value: tuple[str, Any]) -> Layout | None:
    kind, rows = value
    return rows_layout(rows) if kind == _ROWS else None


def _inputs(request: object) -> tuple[str, Any]:
    if isinstance(request, dict):
        if "instances" in request:
            return _ROWS, _instances(request["instances"])
        if "inputs" in request:
            return "inputs", request["inputs"]
    if isinstance(request, list) and request:
        return _ROWS, [row for part in request for row in _part(part)]
    raise CaptureError("no_inputs", "the request has neither instances nor inputs")


def _part(request: object) -> list[Any]:
    if isinstance(request, dict) and "instances" in request:
        return _instances(request["instances"])
    raise CaptureError("no_inputs", "one of a list of requests has no instances")


def _instances(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    raise CaptureError("no_inputs", f"instances is {type(value).__name__}, not a list")


def _outputs(answer: Answer) -> tuple[tuple[str, Any] | None, CaptureError | None]:
    if answer.body is None:
        return None, answer.refused
    if isinstance(answer.body.get("predictions"), list):
        return (_ROWS, answer.body["predictions"]), None
    for key in ("predictions", "outputs"):
        if key in answer.body:
            return (key, answer.body[key]), None
    return None, CaptureError("no_outputs", "the response has neither predictions nor outputs")
