"""V2's generate extension: ``/v2/models/NAME[/versions/V]/generate``, ``generate_stream``.

``{"text_input": TEXT}`` is one instance, answered by ``text_output``, or by one piece of it an
event; tokens are counted by events with text, of which servers send one per token. MLServer serves
tensors under the same paths: a body with ``inputs`` is read as ``infer`` would be.

Sources: Open Inference Protocol, "Open Inference API for text generation"; Triton, "Generate
extension"; MLServer 1.7, "Streaming".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.body import json_body
from collectors.protocols.kserve_v2 import KServeV2
from collectors.protocols.text_api import Said, TextApi, text, texts_of, tokens
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange, Parsed
    from collectors.protocols.text_api import Texts

    Arrays = dict[str, NDArray[Any]]

_NAME = "kserve-v2-generate"
_PATH = re.compile(r"/v2/models/(?:[^/]+)(?:/versions/(?P<version>[^/]+))?/generate(?:_stream)?")


class KServeV2Generate:
    """A text in and a text out, or tensors."""

    name = _NAME

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and _PATH.fullmatch(path) is not None

    def version(self, path: str) -> str | None:
        place = _PATH.fullmatch(path)
        return place and place["version"]

    def parse(self, exchange: Exchange) -> Parsed:
        request = json_body(exchange.request_body, exchange.request_headers)
        if isinstance(request, dict) and "inputs" in request and "text_input" not in request:
            if not isinstance(request["inputs"], list):
                found = type(request["inputs"]).__name__
                raise CaptureError("no_inputs", f"inputs is {found}, not a list")
            return _TENSORS.parse(exchange)
        if not isinstance(request, dict):
            raise CaptureError("no_inputs", "the request is not a JSON object")
        parsed = _TEXTS.parsed(exchange, request, _texts(request))
        answer = parsed.response or {}
        return parsed._replace(
            request_id=text(request.get("id")), version=text(answer.get("model_version"))
        )

    def inputs(self, value: Any) -> tuple[int, Arrays]:
        return _reader(value).inputs(value)

    def outputs(self, value: Any) -> tuple[int, Arrays]:
        return _TENSORS.outputs(value)  # of texts there are none

    def join(self, values: Sequence[Any]) -> Any:
        return _reader(values[0]).join(values)


def _texts(request: dict[str, Any]) -> Texts:
    return texts_of(request.get("text_input"), "text_input")


def _said(body: dict[str, Any], n: int) -> Said:
    outputs = body.get("text_output")
    texts = outputs if isinstance(outputs, list) else [outputs]
    if "text_output" not in body:
        raise CaptureError("no_outputs", "the response has no text_output")
    return Said(
        completions=tuple(map(text, texts)) if len(texts) == n else (None,) * n,
        finish_reason=text(body.get("finish_reason")),
        output_tokens=tokens(body, "completion_tokens"),
    )


def _whole(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The events as one answer, in OpenAI's words where the extension has none."""
    pieces = [piece for event in events if (piece := text(event.get("text_output")))]
    failed = any("error" in event for event in events)
    return {
        **next(iter(events), {}),
        "text_output": "".join(pieces),
        "usage": {"completion_tokens": len(pieces)},
        "finish_reason": "error" if failed else None,
    }


_TENSORS = KServeV2()
_TEXTS = TextApi(_NAME, "", _texts, _said, _whole)


def _reader(value: Any) -> KServeV2 | TextApi:
    """A count of texts, or tensors."""
    return _TEXTS if isinstance(value, int) else _TENSORS
