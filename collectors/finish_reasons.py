"""Why an answer ended, in a closed vocabulary: servers write the same reason in many ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.modalities.tabular import recoded
from governance.event import FINISH_REASONS

if TYPE_CHECKING:
    from governance.event import Column

# What Anthropic, Gemini, Cohere, TGI and vLLM call what OpenAI calls by the names on the right.
_ALSO = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos_token": "stop",
    "complete": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
    "refusal": "content_filter",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "abort": "error",
}


def finish_reasons(column: Column) -> Column:
    """The column in ``FINISH_REASONS``, shape (n,); text that is none of them is ``other``.

    ``column`` has a dictionary; empty text is missing.
    """
    return recoded([_reason(text) for text in column.dictionary or ()], column.values)


def _reason(text: str) -> str | None:
    word = text.strip().lower()
    word = _ALSO.get(word, word)
    return (word if word in FINISH_REASONS else "other") if word else None
