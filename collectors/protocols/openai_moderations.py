"""OpenAI moderations: ``/v1/moderations``, one instance per input.

Outputs: ``flagged`` (the prediction) and one score per category, ``score.<category>``.

Source: OpenAI API reference, "Create moderation".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.arrays import array_of
from collectors.protocols.text_api import Said, TextApi, text_parts, texts_of
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collectors.protocols.text_api import Texts

_TEXT = frozenset({"text"})


def _texts(request: dict[str, Any]) -> Texts:
    given = request.get("input")
    if isinstance(given, list) and any(isinstance(item, dict) for item in given):
        return (text_parts(given, _TEXT),)  # parts of one multimodal input
    return texts_of(given, "input")


def _said(body: dict[str, Any], n: int) -> Said:
    results = body.get("results")
    if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
        raise CaptureError("no_outputs", "the response has no list of results")
    if len(results) != n:
        raise CaptureError("instances", f"the response has {len(results)} results for {n} inputs")
    scores = [item.get("category_scores") for item in results]
    outputs = {"flagged": array_of([item.get("flagged") for item in results])}
    if all(isinstance(named, dict) for named in scores):
        categories = dict.fromkeys(name for named in scores for name in named)
        outputs |= {
            f"score.{name}": array_of([named.get(name) for named in scores]) for name in categories
        }
    return Said(outputs=outputs)


OPENAI_MODERATIONS = TextApi("openai-moderations", "/v1/moderations", _texts, _said)
