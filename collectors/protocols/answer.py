"""The response side that all protocols share: what can be read, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.body import json_body
from collectors.protocols.event_stream import is_event_stream, json_events
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collectors.base import Exchange

    Whole = Callable[[Sequence[dict[str, Any]]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as far as it could be read; ``refused`` says why a good one could not."""

    body: dict[str, Any] | None = None
    refused: CaptureError | None = None

    def get(self, key: str) -> Any:
        """A value at the top of the body; None where there is none."""
        return None if self.body is None else self.body.get(key)

    def text(self, key: str) -> str | None:
        """A non-empty text at the top of the body."""
        value = self.get(key)
        return value if isinstance(value, str) and value else None


def read_answer(exchange: Exchange, whole: Whole | None = None) -> Answer:
    """Parse the response; nothing where it failed or has no body.

    A stream of events is put together by ``whole``, as far as it came; without it nothing is read
    of one.
    """
    body, headers = exchange.response_body, exchange.response_headers
    broken_off = exchange.status == 0 and is_event_stream(headers)
    if not body or (exchange.failed and not broken_off):
        return Answer()
    try:
        if is_event_stream(headers):
            return Answer() if whole is None else Answer(whole(json_events(body, headers)))
        parsed = json_body(body, headers)
    except CaptureError as error:
        return Answer(refused=error)
    if not isinstance(parsed, dict):
        return Answer(refused=CaptureError("no_outputs", "the response is not a JSON object"))
    return Answer(parsed)
