"""Which protocol a body is written in, where nothing says the path: loggers do not send it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from collectors.body import inflated, json_value
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable

V1 = "/v1/models/model:predict"
V2 = "/v2/models/model/infer"
GENERATE = "/v2/models/model/generate"
CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"
MODERATIONS = "/v1/moderations"

_BINARY = b'"binary_data_size"'  # only tensors with a binary part say it
_STREAM = b"data:"
_TELLING = {
    "instances": V1,
    "messages": CHAT,
    "prompt": COMPLETIONS,
    "text_input": GENERATE,
}
_scan = json.JSONDecoder().raw_decode


def path_of(request: Any, response: Any, captured: Callable[[str], bool]) -> str:
    """The path that the exchange would have had: the first that fits and that is ``captured``.

    A request without a known shape is taken for V2, whose protocol then says what is wrong.
    """
    fitting = _paths(request, response)
    return next((path for path in fitting if captured(path)), fitting[0])


def plain(body: bytes) -> bytes:
    """The body without gzip, as it is where it cannot be read: the protocol will say so."""
    try:
        return inflated(body, "")
    except CaptureError:
        return body


def parsed(body: bytes, head: int | None) -> Any:
    """The body's JSON, or that of its head; None where it is none."""
    try:
        return json_value(body if head is None else body[:head])
    except CaptureError:
        return None


def head_bytes(body: bytes) -> int | None:
    """Length of the JSON before the first binary tensor; None where there is no binary part."""
    if _BINARY not in body:
        return None
    text = body.decode("latin-1")  # one character a byte; what JSON means by them is not asked
    try:
        _, end = _scan(text)
    except (ValueError, RecursionError):
        return None
    return end if text[end:].strip() else None


def content_type(body: bytes) -> str:
    """What a response is: KServe's logger sends the request's content type with it."""
    stream = body.lstrip().startswith(_STREAM) or body.startswith(b"event:")
    return "text/event-stream" if stream else "application/json"


def _paths(request: Any, response: Any) -> list[str]:
    if isinstance(request, list):
        return [V1]
    keys = request.keys() if isinstance(request, dict) else set()
    for key, path in _TELLING.items():
        if key in keys:
            return [path]
    if "input" in keys:
        return _of_answer(response)
    if "inputs" in keys and not _has_tensors(request["inputs"]):
        return [V1, V2]
    return [V2, V1]


def _has_tensors(inputs: Any) -> bool:
    tensors = inputs if isinstance(inputs, list) else ()
    return any(isinstance(one, dict) and {"datatype", "shape"} & one.keys() for one in tensors)


def _of_answer(response: Any) -> list[str]:
    """Three of OpenAI's interfaces take ``input``; their answers differ."""
    answer = response if isinstance(response, dict) else {}
    if "results" in answer:
        return [MODERATIONS]
    return [EMBEDDINGS, RESPONSES] if "data" in answer else [RESPONSES, EMBEDDINGS]
