"""Server-sent events: what a streamed answer says, event by event.

Source: WHATWG HTML, "Server-sent events", 9.2.5 and 9.2.6. Only ``data`` is read; a stream may end
without its last blank line, as a client that leaves makes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.body import inflated, json_value
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVENT_STREAM = "text/event-stream"
_DONE = "[DONE]"  # how OpenAI's streams end
_LINE_END = re.compile(rb"\r\n|\n|\r")


def is_event_stream(headers: Mapping[str, str]) -> bool:
    """Whether a response with these headers is a stream of events."""
    return headers.get("content-type", "").strip().lower().startswith(EVENT_STREAM)


def json_events(body: bytes, headers: Mapping[str, str]) -> list[dict[str, Any]]:
    """The JSON objects of a stream, in order.

    Raises
    ------
    CaptureError
        ``not_json``, if an event that is not the closing ``[DONE]`` is no JSON object.
    """
    text = inflated(body, headers.get("content-encoding", ""))
    events = [json_value(data) for data in _data(text) if data.strip() != _DONE.encode()]
    if not all(isinstance(event, dict) for event in events):
        raise CaptureError("not_json", "an event of the stream is no JSON object")
    return events


def _data(text: bytes) -> Iterator[bytes]:
    """The data of each event, its lines joined."""
    lines: list[bytes] = []
    for line in _LINE_END.split(text):
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif not line and lines:
            yield b"\n".join(lines)
            lines = []
    if lines:
        yield b"\n".join(lines)
