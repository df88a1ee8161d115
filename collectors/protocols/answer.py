"""The response side that all protocols share: what can be read, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.body import json_body
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collectors.base import Exchange

EVENT_STREAM = "text/event-stream"


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


def read_answer(exchange: Exchange) -> Answer:
    """Parse the response; nothing where it failed, has no body, or is a stream of events."""
    streams = exchange.response_headers.get("content-type", "").startswith(EVENT_STREAM)
    if exchange.failed or not exchange.response_body or streams:
        return Answer()
    try:
        body = json_body(exchange.response_body, exchange.response_headers)
    except CaptureError as error:
        return Answer(refused=error)
    if not isinstance(body, dict):
        return Answer(refused=CaptureError("no_outputs", "the response is not a JSON object"))
    return Answer(body)
