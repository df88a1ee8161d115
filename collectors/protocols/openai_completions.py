"""OpenAI completions: ``/v1/completions``, one instance per prompt, streamed or not.

Of several choices per prompt (``n``) the first is looked at.

Source: OpenAI API reference, "Create completion".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.protocols.text_api import Said, TextApi, first, text, texts_of, tokens
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.protocols.text_api import Texts


def _texts(request: dict[str, Any]) -> Texts:
    return texts_of(request.get("prompt"), "prompt")


def _said(body: dict[str, Any], n: int) -> Said:
    choices = body.get("choices")
    if not isinstance(choices, list):
        raise CaptureError("no_outputs", "the response has no list of choices")
    step = max(1, len(choices) // n)
    firsts = [choice if isinstance(choice, dict) else {} for choice in choices[::step]][:n]
    return Said(
        completions=tuple(text(choice.get("text")) for choice in firsts),
        finish_reason=text(first(body, "choices").get("finish_reason")),
        input_tokens=tokens(body, "prompt_tokens"),
        output_tokens=tokens(body, "completion_tokens"),
    )


def _whole(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    texts: dict[int, str] = {}
    counted, reason = 0, None
    for event in events:
        choice = first(event, "choices")
        part = text(choice.get("text"))
        index = choice.get("index")
        place = index if isinstance(index, int) else 0
        texts[place] = texts.get(place, "") + (part or "")
        counted += part is not None
        reason = text(choice.get("finish_reason")) or reason
    if any("error" in event for event in events):
        reason = "error"
    head = next(iter(events), {})
    usage = next((e["usage"] for e in reversed(events) if isinstance(e.get("usage"), dict)), None)
    return {
        **{name: head[name] for name in ("id", "model") if name in head},
        "choices": [{"text": texts[i], "finish_reason": reason} for i in sorted(texts)],
        "usage": {"completion_tokens": counted} if usage is None else usage,
    }


OPENAI_COMPLETIONS = TextApi("openai-completions", "/v1/completions", _texts, _said, _whole)
