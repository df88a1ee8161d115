"""OpenAI chat completions: ``/v1/chat/completions``, one instance a request.

A streamed response passes and is an event without the response's content.

Source: OpenAI API reference, "Create chat completion".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.base import Parsed
from collectors.body import json_body
from collectors.protocols.answer import read_answer
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange

    Arrays = dict[str, NDArray[Any]]

_PATHS = frozenset({"/v1/chat/completions", "/openai/v1/chat/completions"})


class OpenAIChat:
    """Messages in, a message and its usage out."""

    name = "openai-chat"

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and path in _PATHS

    def version(self, path: str) -> str | None:  # noqa: ARG002 - its paths name none
        return None

    def parse(self, exchange: Exchange) -> Parsed:
        request = json_body(exchange.request_body, exchange.request_headers)
        if not isinstance(request, dict) or not isinstance(request.get("messages"), list):
            raise CaptureError("no_inputs", "the request has no list of messages")
        answer = read_answer(exchange)
        refused = answer.refused
        if answer.body is not None and not isinstance(answer.body.get("choices"), list):
            refused = CaptureError("no_outputs", "the response has no list of choices")
        choice = _first(answer.body, "choices")
        return Parsed(
            layout=None if refused else self.name,
            request=request,
            response=answer.body,
            response_id=answer.text("id"),
            prompt=_prompt(request["messages"]),
            completion=_content(choice.get("message")),
            input_tokens=_tokens(answer.body, "prompt_tokens"),
            output_tokens=_tokens(answer.body, "completion_tokens"),
            finish_reason="error" if exchange.failed else _text(choice.get("finish_reason")),
            refusal=_refusal(choice.get("message")),
            refused=refused,
        )

    def inputs(self, value: Any) -> tuple[int, Arrays]:  # noqa: ARG002 - texts are no arrays
        return 1, {}

    def outputs(self, value: Any) -> tuple[int, Arrays]:  # noqa: ARG002
        return 1, {}

    def join(self, values: Sequence[Any]) -> Any:  # noqa: ARG002
        return None


def _prompt(messages: list[Any]) -> str | None:
    """The text of the last message that a user wrote."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return _content(message)
    return None


def _content(message: object) -> str | None:
    """Text, or the joined text parts of a multimodal message."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return _text(content)
    parts = [_text(part.get("text")) for part in content if isinstance(part, dict)]
    return "\n".join(part for part in parts if part) or None


def _first(body: dict[str, Any] | None, key: str) -> dict[str, Any]:
    items = None if body is None else body.get(key)
    return items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}


def _tokens(body: dict[str, Any] | None, key: str) -> int | None:
    usage = None if body is None else body.get("usage")
    count = usage.get(key) if isinstance(usage, dict) else None
    valid = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31
    return count if valid else None


def _refusal(message: object) -> bool | None:
    """Whether the answer is a refusal, where there is an answer."""
    return bool(_text(message.get("refusal"))) if isinstance(message, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
