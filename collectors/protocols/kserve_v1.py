"""KServe V1, also TensorFlow Serving's REST: ``/v1/models/NAME[/versions/V]:predict``.

Requests: ``{"instances": [...]}``, columnar ``{"inputs": ...}``, or a list of such requests. The
unnamed tensor is called ``instances`` (or ``inputs``). Responses: ``{"predictions": [...]}`` or
``{"outputs": ...}``.

Source: KServe, "Data plane: V1 inference protocol"; TensorFlow Serving, "RESTful API".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.base import Inference
from collectors.body import json_body
from collectors.protocols.answer import read_answer, read_outputs
from collectors.protocols.inputs import read_batch, read_rows
from governance.errors import CaptureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collectors.base import Exchange

    Arrays = dict[str, NDArray[Any]]

_PATH = re.compile(r"/v1/models/(?:[^/:]+)(?:/versions/(?P<version>[^/:]+))?:predict")


class KServeV1:
    """Rows or columns in, predictions out."""

    name = "kserve-v1"

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and _PATH.fullmatch(path) is not None

    def version(self, path: str) -> str | None:
        place = _PATH.fullmatch(path)
        return place and place["version"]

    def decode(self, exchange: Exchange) -> Inference:
        request = json_body(exchange.request_body, exchange.request_headers)
        n, inputs = _inputs(request)
        answer = read_answer(exchange)
        outputs, refused = read_outputs(answer, n, _outputs)
        return Inference(
            n=n,
            inputs=inputs,
            outputs=outputs,
            request=request,
            response=answer.body,
            response_id=answer.text("id"),
            version=answer.text("model_version"),
            refused=refused,
        )


def _inputs(request: object) -> tuple[int, Arrays]:
    if isinstance(request, dict):
        if "instances" in request:
            return read_rows(_instances(request["instances"]), "instances")
        if "inputs" in request:
            return read_batch(request["inputs"], "inputs")
    if isinstance(request, list) and request:
        return read_rows([row for part in request for row in _part(part)], "instances")
    raise CaptureError("no_inputs", "the request has neither instances nor inputs")


def _part(request: object) -> list[Any]:
    if isinstance(request, dict) and "instances" in request:
        return _instances(request["instances"])
    raise CaptureError("no_inputs", "one of a list of requests has no instances")


def _instances(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    raise CaptureError("no_inputs", f"instances is {type(value).__name__}, not a list")


def _outputs(response: dict[str, Any]) -> tuple[int, Arrays]:
    predictions = response.get("predictions")
    if isinstance(predictions, list):
        return read_rows(predictions, "predictions")
    for key in ("predictions", "outputs"):
        if key in response:
            return read_batch(response[key], key)
    raise CaptureError("no_outputs", "the response has neither predictions nor outputs")
