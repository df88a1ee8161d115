from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from collectors.cloud_events.event import CloudEvent, is_cloud_event, read_cloud_events
from collectors.json_rows import InvalidRows
from governance.errors import CaptureError
from tests.collectors.cloud_events.logged import V1_REQUEST, kserve, seldon, structured

ONE = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


def read(body: object, headers: dict[str, str]) -> list[CloudEvent]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_cloud_events(raw, headers)


def test_binary_structured_and_batch_mode_say_the_same() -> None:
    """One event, three notations, one meaning; base64 and 0.3's encoding are read, too."""
    headers = kserve("request")
    (binary,) = read(V1_REQUEST, headers)
    event = structured(headers, json.loads(V1_REQUEST))
    (one,) = read(event, ONE)
    (batched, again) = read([event, event], BATCH)
    assert one == batched == again
    assert json.loads(one.data) == json.loads(binary.data)
    assert one._replace(data=b"") == binary._replace(
        data=b"", attributes={**binary.attributes, "datacontenttype": "application/json"}
    )
    coded = base64.b64encode(V1_REQUEST).decode()
    (based,) = read({k: v for k, v in event.items() if k != "data"} | {"data_base64": coded}, ONE)
    old = event | {"specversion": "0.3", "datacontentencoding": "base64", "data": coded}
    (older,) = read(old, ONE)
    assert based.data == older.data == V1_REQUEST


def test_header_values_are_percent_encoded() -> None:
    """HTTP binding 3.1.3.2: what is no printable ASCII is sent as %XX of its UTF-8."""
    (event,) = read(b"", kserve("request", ce_id="caf%C3%A9"))
    assert event.id == "café"


def test_what_is_a_cloud_event_shows_in_the_headers() -> None:
    """Plain JSON is none; any of the three modes is."""
    assert not is_cloud_event({"content-type": "application/json"})
    for headers in (kserve("request"), seldon("response"), ONE, BATCH):
        assert is_cloud_event(headers)


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_required_attributes_are_told(missing: str) -> None:
    """The index of the event, and the attribute."""
    good = structured(kserve("request"), {})
    with pytest.raises(InvalidRows) as refused:
        read([good, {k: v for k, v in good.items() if k != missing}], BATCH)
    [error] = refused.value.errors
    assert (error.index, error.field) == (1, missing)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"time": "yesterday"}, "time"),
        ({"time": "1e300"}, "time"),
        ({"time": 5}, "time"),
        ({"specversion": "2.0"}, "specversion"),
        ({"id": "x" * 2_000}, "id"),
        ({"id": 5}, "id"),
        ({"id": "  "}, "id"),
        ({"data_base64": "%%%"}, ""),
        ({"data_base64": 5}, ""),
    ],
)
def test_wrong_attributes_are_told(changed: dict[str, Any], field: str) -> None:
    """Every kind of wrong is one located error, no crash."""
    with pytest.raises(InvalidRows) as refused:
        read(structured(kserve("request"), {}) | changed, ONE)
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_batch_that_is_none_is_refused(body: bytes) -> None:
    """No JSON, no events, nesting without end."""
    with pytest.raises(CaptureError):
        read_cloud_events(body, BATCH)


def test_entries_that_are_no_objects_are_told() -> None:
    """Numbers and lists among events."""
    with pytest.raises(InvalidRows) as refused:
        read([1, [], structured(kserve("request"), {})], BATCH)
    assert [error.index for error in refused.value.errors] == [0, 1]
