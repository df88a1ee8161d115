"""Server-sent events: what a streamed answer says, event by event.

Source: WHATWG HTML, "Server-sent events", 9.2.5 and 9.2.6. Only ``data`` is read. A stream may end
anywhere, as a client that leaves makes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.body import inflated, json_value
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENT_STREAM = "text/event-stream"
_DONE = b"[DONE]"  # how OpenAI's streams end
_LINE_END = re.compile(rb"\r\n|\n|\r")


def is_event_stream(headers: Mapping[str, str]) -> bool:
    """Whether a response with these headers is a stream of events."""
    return headers.get("content-type", "").strip().lower().startswith(EVENT_STREAM)


def json_events(body: bytes, headers: Mapping[str, str]) -> list[dict[str, Any]]:
    """The JSON objects of a stream, in order; what its end cut off is left out.

    Raises
    ------
    CaptureError
        ``not_json``, if an event that is not the closing ``[DONE]`` is no JSON object.
    """
    text = inflated(body, headers.get("content-encoding", ""))
    whole, last = _data(text)
    events = [json_value(data) for data in whole if data.strip() != _DONE]
    events += _whole_or_none(last)
    if not all(isinstance(event, dict) for event in events):
        raise CaptureError("not_json", "an event of the stream is no JSON object")
    return events


def _data(text: bytes) -> tuple[list[bytes], bytes]:
    """The data of each event, its lines joined; and of one without its blank line."""
    events: list[bytes] = []
    lines: list[bytes] = []
    for line in _LINE_END.split(text):
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif not line and lines:
            events.append(b"\n".join(lines))
            lines = []
    return events, b"\n".join(lines)


def _whole_or_none(last: bytes) -> list[dict[str, Any]]:
    """The event that was not ended, if it is a whole object."""
    try:
        event = json_value(last) if last.strip() != _DONE else None
    except CaptureError:
        return []
    return [event] if isinstance(event, dict) else []
