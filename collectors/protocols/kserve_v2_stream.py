"""Streamed answers of V2 (``infer_stream``): several responses, read as one.

A model that streams sends a response for each piece of text; put together they are the response
that it would have sent at once. Numbers in several responses have no one reading.

Source: MLServer 1.7, "Streaming" (server-sent events, one InferenceResponse each).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence


def one_response(responses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The only response, or the first with the texts of all.

    Raises
    ------
    CaptureError
        ``no_outputs``, if there is none; ``stream``, if there are several and they hold anything
        but one text each under the same names.
    """
    if not responses:
        raise CaptureError("no_outputs", "the stream ended before its first response")
    if len(responses) == 1:
        return responses[0]
    first, *others = [_texts(response) for response in responses]
    if any(each.keys() != first.keys() for each in others):
        raise CaptureError("stream", "responses of one stream name different outputs")
    whole = {
        name: "".join([text, *(each[name] for each in others)]) for name, text in first.items()
    }
    outputs = [{**tensor, "data": [whole[tensor["name"]]]} for tensor in responses[0]["outputs"]]
    return {**responses[0], "outputs": outputs}


def _texts(response: dict[str, Any]) -> dict[str, str]:
    """The text of each output, by name."""
    outputs = response.get("outputs")
    if not isinstance(outputs, list):
        raise CaptureError("no_outputs", "a response of the stream has no outputs")
    return dict(map(_text, outputs))


def _text(tensor: Any) -> tuple[str, str]:
    match tensor:
        case {"name": str(name), "datatype": "BYTES", "data": [str(text)]}:
            return name, text
    raise CaptureError("stream", "an output of a streamed response is not one text")
