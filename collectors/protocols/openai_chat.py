"""OpenAI chat completions: ``/v1/chat/completions``, one instance a request, streamed or not.

Servers that do not know ``message.refusal`` leave it out; then wording tells (``TextApi``).

A stream without ``usage`` has its tokens counted by chunks with text, of which servers send one
per token.

Source: OpenAI API reference, "Create chat completion", "The chat completion chunk object".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.protocols.text_api import (
    Said,
    TextApi,
    first,
    last_of_user,
    media_parts,
    text,
    text_parts,
    tokens,
)
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.protocols.text_api import Texts

_TEXT = frozenset({"text"})


def _texts(request: dict[str, Any]) -> Texts:
    """The text of the last message that a user wrote."""
    if not isinstance(request.get("messages"), list):
        raise CaptureError("no_inputs", "the request has no list of messages")
    return (text_parts(last_of_user(request["messages"]), _TEXT),)


def _media(request: dict[str, Any]) -> dict[str, Any]:
    return media_parts(last_of_user(request.get("messages")))


def _said(body: dict[str, Any], n: int) -> Said:  # noqa: ARG001 - always one
    if not isinstance(body.get("choices"), list):
        raise CaptureError("no_outputs", "the response has no list of choices")
    choice = first(body, "choices")
    found = choice.get("message")
    message = found if isinstance(found, dict) else {}
    return Said(
        completions=(text_parts(message.get("content"), _TEXT),),
        finish_reason=text(choice.get("finish_reason")),
        refusal=bool(text(message["refusal"])) if "refusal" in message else None,
        input_tokens=tokens(body, "prompt_tokens"),
        output_tokens=tokens(body, "completion_tokens"),
    )


def _whole(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"content": ""}
    counted, reason = 0, None
    for event in events:
        choice = first(event, "choices")
        delta = choice.get("delta")
        said = delta if isinstance(delta, dict) else {}
        parts = {name: text(said[name]) for name in ("content", "refusal") if name in said}
        for name, part in parts.items():
            message[name] = message.get(name, "") + (part or "")
        counted += any(parts.values())
        reason = text(choice.get("finish_reason")) or reason
    if any("error" in event for event in events):
        reason = "error"
    head = next(iter(events), {})
    usage = next((e["usage"] for e in reversed(events) if isinstance(e.get("usage"), dict)), None)
    return {
        **{name: head[name] for name in ("id", "model") if name in head},
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"completion_tokens": counted} if usage is None else usage,
    }


OPENAI_CHAT = TextApi("openai-chat", "/v1/chat/completions", _texts, _said, _whole, _media)
