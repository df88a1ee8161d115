"""CloudEvents over HTTP, 0.3 and 1.0: binary (headers), structured (one object), batched (array).

Sources: CloudEvents 1.0.2, "HTTP Protocol Binding" 3.1 to 3.3 (3.1.3.2: header values are percent
encoded) and "JSON Event Format" 3.1 (``data_base64``); 0.3 has ``datacontentencoding``.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import msgspec

from collectors.body import inflated, json_value
from collectors.json_rows import MAX_ROWS, InvalidRows, RowError
from governance.clock import parse_instant_us
from governance.errors import CaptureError
from governance.wire.table import LAST_INSTANT_US

if TYPE_CHECKING:
    from collections.abc import Mapping

STRUCTURED_TYPE = "application/cloudevents"
BATCH_TYPE = "application/cloudevents-batch"

_PREFIX = "ce-"
_REQUIRED = ("specversion", "id", "source", "type")
_VERSIONS = ("0.3", "1.0")
_MOST_CHARACTERS = 1_024  # of an attribute that names something


class CloudEvent(NamedTuple):
    """One event; ``attributes`` are all others, names in lower case, values as text."""

    id: str
    source: str
    type: str
    time_us: int | None  # when its sender made it
    attributes: Mapping[str, str]
    data: bytes


def is_cloud_event(headers: Mapping[str, str]) -> bool:
    """Whether a request with these headers (names in lower case) is one, or a batch of them."""
    kind = headers.get("content-type", "").strip().lower()
    return kind.startswith(STRUCTURED_TYPE) or "ce-specversion" in headers or "ce-type" in headers


def read_cloud_events(body: bytes, headers: Mapping[str, str]) -> list[CloudEvent]:
    """The events of a request.

    Raises
    ------
    CaptureError
        If the body is no JSON where it has to be, or has more than ``MAX_ROWS`` events.
    InvalidRows
        If an attribute that every event must have is missing or cannot be read.
    """
    kind = headers.get("content-type", "").strip().lower()
    if not kind.startswith(STRUCTURED_TYPE):
        return _checked([(_of_headers(headers), body)])
    value = json_value(inflated(body, headers.get("content-encoding", "")))
    found = value if kind.startswith(BATCH_TYPE) and isinstance(value, list) else [value]
    if not 0 < len(found) <= MAX_ROWS:
        raise CaptureError("rows", f"{len(found)} events: one request takes 1 to {MAX_ROWS}")
    return _checked([_of_object(entry) for entry in found])


def _of_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    named = {name: unquote(text) for name, text in headers.items() if name.startswith(_PREFIX)}
    return {name.removeprefix(_PREFIX): text for name, text in named.items()}


def _of_object(entry: object) -> tuple[dict[str, Any], bytes | str]:
    """Attributes, and the data; text where it says why there is none."""
    if not isinstance(entry, dict):
        return {}, f"the event is a {type(entry).__name__}, not an object"
    attributes = {name.lower(): value for name, value in entry.items() if name != "data"}
    encoded = attributes.pop("data_base64", None)
    if attributes.get("datacontentencoding") == "base64":
        encoded = entry.get("data")
    if encoded is None:
        return attributes, _written(entry.get("data"), attributes)
    try:
        return attributes, base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return attributes, "the data is not base64"


def _written(data: object, attributes: Mapping[str, Any]) -> bytes:
    """Data as a body: text of another kind than JSON is as it is."""
    kind = attributes.get("datacontenttype")
    if isinstance(data, str) and isinstance(kind, str) and "json" not in kind:
        return data.encode(errors="replace")
    return b"" if data is None else msgspec.json.encode(data)


def _checked(found: list[tuple[dict[str, Any], Any]]) -> list[CloudEvent]:
    wrong = [
        RowError(i, *error)
        for i, (attributes, data) in enumerate(found)
        for error in _errors(attributes, data)
    ]
    if wrong:
        raise InvalidRows(wrong, len(found))
    return [_event(attributes, data) for attributes, data in found]


def _errors(attributes: Mapping[str, Any], data: bytes | str) -> list[tuple[str, str]]:
    if isinstance(data, str):
        return [("", data)]
    errors = []
    for name in _REQUIRED:
        value = attributes.get(name)
        if not isinstance(value, str) or not value.strip():
            errors.append((name, f"a CloudEvent needs the attribute {name}"))
        elif len(value) > _MOST_CHARACTERS:
            errors.append((name, f"{name} has {len(value)} characters, not {_MOST_CHARACTERS}"))
    if not errors and attributes["specversion"] not in _VERSIONS:
        said = attributes["specversion"]
        errors.append(("specversion", f"{said!r:.20} is none of {', '.join(_VERSIONS)}"))
    try:
        _time_us(attributes.get("time"))
    except ValueError as error:
        errors.append(("time", str(error)))
    return errors


def _event(attributes: Mapping[str, Any], data: bytes) -> CloudEvent:
    return CloudEvent(
        id=attributes["id"].strip(),
        source=attributes["source"].strip(),
        type=attributes["type"].strip(),
        time_us=_time_us(attributes.get("time")),
        attributes={k: v for k, v in attributes.items() if isinstance(v, str)},
        data=data,
    )


def _time_us(value: object) -> int | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - what the producer wrote, not how we were called
            f"time is a {type(value).__name__}, not RFC 3339 text"
        )
    try:
        instant = parse_instant_us(value)
    except OverflowError:
        instant = -1
    if not 0 <= instant <= LAST_INSTANT_US:
        raise ValueError(f"time {value!r:.40} is not between 1970 and 9999")
    return instant
