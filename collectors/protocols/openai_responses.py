"""OpenAI responses: ``/v1/responses``, one instance a request, streamed or not.

Source: OpenAI API reference, "Create a model response", "Streaming events".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.protocols.text_api import (
    Said,
    TextApi,
    last_of_user,
    media_parts,
    text,
    text_parts,
    tokens,
)
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collectors.protocols.text_api import Texts

_INPUT = frozenset({"input_text", "text"})
_ENDED = frozenset({"response.completed", "response.incomplete", "response.failed"})


def _texts(request: dict[str, Any]) -> Texts:
    """The input, or the text of its last message by a user."""
    given = request.get("input")
    if isinstance(given, str):
        return (text(given),)
    if not isinstance(given, list):
        raise CaptureError("no_inputs", "the request has no input")
    return (text_parts(last_of_user(given), _INPUT),)


def _media(request: dict[str, Any]) -> dict[str, Any]:
    return media_parts(last_of_user(request.get("input")))


def _said(body: dict[str, Any], n: int) -> Said:  # noqa: ARG001 - always one
    output = body.get("output")
    if not isinstance(output, list):
        raise CaptureError("no_outputs", "the response has no list of output")
    parts = list(_parts(output))
    texts = [text(part.get("text")) for part in parts if part.get("type") == "output_text"]
    refused = any(part.get("type") == "refusal" for part in parts)
    return Said(
        completions=("".join(filter(None, texts)) or None,),
        finish_reason=_reason(body, output),
        refusal=refused,
        input_tokens=tokens(body, "input_tokens"),
        output_tokens=tokens(body, "output_tokens"),
    )


def _whole(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The response of the closing event, else what was said until the stream broke off."""
    for event in reversed(events):
        if event.get("type") in _ENDED and isinstance(event.get("response"), dict):
            return dict(event["response"])
    deltas = [e for e in events if e.get("type") == "response.output_text.delta"]
    said = "".join(filter(None, (text(delta.get("delta")) for delta in deltas)))
    message = {"type": "message", "content": [{"type": "output_text", "text": said}]}
    begun = [e["response"] for e in events[:1] if isinstance(e.get("response"), dict)]
    return {**(begun[0] if begun else {}), "output": [message], "status": "broken_off",
            "usage": {"output_tokens": len(deltas)}}  # fmt: skip


def _parts(output: list[Any]) -> Iterator[dict[str, Any]]:
    for item in output:
        content = item.get("content") if isinstance(item, dict) else None
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict):
                yield part


def _reason(body: dict[str, Any], output: list[Any]) -> str | None:
    """In the words of chat completions."""
    details = body.get("incomplete_details")
    why = text(details.get("reason")) if isinstance(details, dict) else None
    if why is not None:
        return "length" if why == "max_output_tokens" else why
    if body.get("status") == "failed":
        return "error"
    kinds = [item.get("type") for item in output if isinstance(item, dict)]
    calls = "function_call" in kinds and "message" not in kinds
    return "tool_calls" if calls else "stop" if body.get("status") == "completed" else None


OPENAI_RESPONSES = TextApi("openai-responses", "/v1/responses", _texts, _said, _whole, _media)
