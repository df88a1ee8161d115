"""OpenAI embeddings: ``/v1/embeddings``, one instance per input.

The vectors are the output ``embedding``, shape (n, coordinates), from numbers or base64.

Source: OpenAI API reference, "Create embeddings".
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.arrays import array_of
from collectors.protocols.text_api import Said, TextApi, texts_of, tokens
from governance.errors import CaptureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collectors.protocols.text_api import Texts


def _texts(request: dict[str, Any]) -> Texts:
    return texts_of(request.get("input"), "input")


def _said(body: dict[str, Any], n: int) -> Said:
    data = body.get("data")
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise CaptureError("no_outputs", "the response has no list of data")
    if len(data) != n:
        raise CaptureError("instances", f"the response has {len(data)} embeddings for {n} inputs")
    vectors = [_vector(item.get("embedding")) for item in sorted(data, key=_index)]
    return Said(
        input_tokens=tokens(body, "prompt_tokens"), outputs={"embedding": array_of(vectors)}
    )


def _vector(value: object) -> Any:
    if not isinstance(value, str):
        return value
    try:
        raw = base64.b64decode(value, validate=True)
        found: NDArray[np.float32] = np.frombuffer(raw, dtype="<f4")
    except (binascii.Error, ValueError):
        raise CaptureError("no_outputs", "an embedding is no base64 of 32-bit floats") from None
    return found.astype(np.float64).tolist()


def _index(item: dict[str, Any]) -> int:
    index = item.get("index")
    return index if isinstance(index, int) else 0


OPENAI_EMBEDDINGS = TextApi("openai-embeddings", "/v1/embeddings", _texts, _said)
