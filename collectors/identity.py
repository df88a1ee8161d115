"""What an event is called: the id by which a label finds it later.

In this order: ``X-Request-Id``, W3C trace id + parent id (``TRACE-PARENT``, as in traceparent),
V2 ``id``, response ``id``, ``Ce-Id``, generated (no label can meet it). Instance i of n is
``ID:i``; the only one is ``ID``. The texts never leave the pod: their HMAC does.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from governance.algebra.canonical import canonical_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from collectors.base import Exchange, Parsed

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


class Identity(NamedTuple):
    """A request's id, and where it was found."""

    text: str
    source: str


def identify(exchange: Exchange, parsed: Parsed) -> Identity:
    """The first id in the order above; always one."""
    request, response = exchange.request_headers, exchange.response_headers
    if text := _header(request, response, "x-request-id"):
        return Identity(text, "x_request_id")
    if "traceparent" in request and (trace := _trace(request["traceparent"])):
        return Identity(trace, "traceparent")
    if parsed.request_id:
        return Identity(parsed.request_id, "request_id")
    if parsed.response_id:
        return Identity(parsed.response_id, "response_id")
    if text := _header(request, response, "ce-id"):
        return Identity(text, "ce_id")
    return Identity(uuid.uuid4().hex, "generated")


def instance_ids(request_id: str, n: int) -> list[str]:
    """The ids of the n instances of one request."""
    return [request_id] if n == 1 else [f"{request_id}:{i}" for i in range(n)]


def declared_ids(values: Sequence[Any], otherwise: Sequence[str]) -> list[str]:
    """The ids that ``spec.signals.id`` selects, shape (n,); ``otherwise`` where one is missing.

    One id for all instances names the request: they are numbered as above.
    """
    texts = [canonical_text(value) for value in values]
    if len(set(texts)) == 1 and texts[0]:
        return instance_ids(texts[0], len(texts))
    return [text or other for text, other in zip(texts, otherwise, strict=True)]


def _header(sent: Mapping[str, str], answered: Mapping[str, str], name: str) -> str:
    """The client's own header, else the one that the server answered with."""
    return sent.get(name, "").strip() or answered.get(name, "").strip()


def _trace(header: str) -> str | None:
    match = _TRACEPARENT.fullmatch(header.strip().lower())
    if match is None:
        return None
    trace, parent = match[1], match[2]
    return f"{trace}-{parent}" if int(trace, 16) and int(parent, 16) else None
