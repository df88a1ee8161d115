"""What an event is called: the id by which a label finds it later.

In this order: ``X-Request-Id``, W3C trace id + parent id (``TRACE-PARENT``, as in traceparent),
V2 ``id``, response ``id``, ``Ce-Id``, generated (no label can meet it). Instance i of n is
``ID:i``; the only one is ``ID``. The texts never leave the pod: their HMAC does.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.algebra.canonical import canonical_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange, Inference

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


@dataclass(frozen=True, slots=True)
class Identity:
    """A request's id, and where it was found."""

    text: str
    source: str


def identify(exchange: Exchange, inference: Inference | None) -> Identity:
    """The first id in the order above; always one."""
    for source, text in _candidates(exchange, inference):
        if text:
            return Identity(text, source)
    return Identity(uuid.uuid4().hex, "generated")


def instance_ids(request_id: str, n: int) -> list[str]:
    """The ids of the n instances of one request."""
    return [request_id] if n == 1 else [f"{request_id}:{i}" for i in range(n)]


def declared_ids(values: NDArray[Any], otherwise: Sequence[str]) -> list[str]:
    """The ids that ``spec.signals.id`` selects, shape (n,); ``otherwise`` where one is missing.

    One id for all instances names the request: they are numbered as above.
    """
    texts = [canonical_text(value) for value in values.tolist()]
    if len(set(texts)) == 1 and texts[0]:
        return instance_ids(texts[0], len(texts))
    return [text or other for text, other in zip(texts, otherwise, strict=True)]


def _candidates(
    exchange: Exchange, inference: Inference | None
) -> Iterator[tuple[str, str | None]]:
    yield "x_request_id", _header(exchange, "x-request-id")
    yield "traceparent", _trace(exchange.request_headers.get("traceparent", ""))
    if inference is not None:
        yield "request_id", inference.request_id
        yield "response_id", inference.response_id
    yield "ce_id", _header(exchange, "ce-id")


def _header(exchange: Exchange, name: str) -> str:
    """The client's own header, else the one that the server answered with."""
    sent = exchange.request_headers.get(name, "").strip()
    return sent or exchange.response_headers.get(name, "").strip()


def _trace(header: str) -> str | None:
    match = _TRACEPARENT.fullmatch(header.strip().lower())
    if match is None:
        return None
    trace, parent = match[1], match[2]
    return f"{trace}-{parent}" if int(trace, 16) and int(parent, 16) else None
