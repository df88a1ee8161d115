from __future__ import annotations

import gzip
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors.capture import Capture
from collectors.cloud_events.event import read_cloud_events
from collectors.cloud_events.listening import Listening, half_of
from tests.collectors.cloud_events.logged import V1_REQUEST, V1_RESPONSE, kserve, seldon
from tests.collectors.exchanges import KEYED, V1_PATH, V2_PATH, component, exchange, values

if TYPE_CHECKING:
    from governance.event import EventBatch

CAME_US = 1_777_636_800_000_000
SIGNALS = {"favourable": {"in": ["1"]}}
TEXT = {"model": {"name": "m", "version": "1.0", "modality": ["text"]}}
BINARY_HEAD = {
    "inputs": [
        {
            "name": "x",
            "shape": [2, 1],
            "datatype": "FP32",
            "parameters": {"binary_data_size": 8},
        }
    ]
}
V2_REQUEST = {"inputs": [{"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [1, 2]}]}
BINARY = json.dumps(BINARY_HEAD).encode() + np.array([1, 2], "<f4").tobytes()
V2_RESPONSE = {
    "model_version": "7",
    "outputs": [{"name": "y", "shape": [2], "datatype": "INT64", "data": [1, 0]}],
}
CHAT = {"model": "c", "messages": [{"role": "user", "content": "hi there"}]}
CHAT_ANSWER = {
    "id": "c1",
    "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}
STREAM = (
    b'data: {"id":"c1","choices":[{"delta":{"content":"he"}}]}\n\n'
    b'data: {"id":"c1","choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def listening(**spec: Any) -> Listening:
    return Listening(component(signals=SIGNALS, **spec), KEYED)


def send(to: Listening, headers: dict[str, str], body: object) -> list[EventBatch]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    halves = [half_of(event, 0.0, CAME_US) for event in read_cloud_events(raw, headers)]
    whole = to.halves.offer([half for half in halves if half is not None])
    read = to.read(whole)
    to.halves.confirm(whole)
    return read.batches


def heard(to: Listening, request: object, response: object, **changes: str) -> EventBatch:
    assert send(to, kserve("request", **changes), request) == []
    [batch] = send(to, kserve("response", **changes), response)
    return batch


def same(one: EventBatch, other: EventBatch) -> bool:
    """Equal but for what only an observer of bytes knows."""
    unknown = {"latency_ms", "time", "request_bytes", "response_bytes", "ttft_ms"}
    names = (one.columns.keys() | other.columns.keys()) - unknown
    return all(values(one, name) == values(other, name) for name in names)


@pytest.mark.parametrize(
    ("request_body", "answer", "path", "spec"),
    [
        (V1_REQUEST, V1_RESPONSE, V1_PATH, {}),
        (b'{"inputs": {"a": [1, 2]}}', b'{"outputs": [0, 1]}', V1_PATH, {}),
        (V2_REQUEST, V2_RESPONSE, V2_PATH, {}),
        (CHAT, CHAT_ANSWER, "/v1/chat/completions", TEXT),
        (CHAT | {"stream": True}, STREAM, "/v1/chat/completions", TEXT),
        ({"prompt": "x", "model": "c"}, {"choices": [{"text": "y"}]}, "/v1/completions", TEXT),
        ({"input": ["a", "b"]}, {"data": [{"embedding": [1.0]}, {"embedding": [2.0]}]},
         "/v1/embeddings", TEXT),
        ({"input": "a"}, {"output": [], "status": "completed"}, "/v1/responses", TEXT),
        ({"input": "a"}, {"results": [{"flagged": True}]}, "/v1/moderations", TEXT),
    ],
)  # fmt: skip
def test_a_pair_gives_the_events_that_a_sidecar_sees(
    request_body: Any, answer: Any, path: str, spec: dict[str, Any]
) -> None:
    """The shape tells the protocol; the events are the sidecar's of the same bytes and path."""
    kind = "text/event-stream" if answer is STREAM else "application/json"
    seen = exchange(
        path,
        request_body,
        answer,
        request_headers={"ce-id": "a"},
        response_headers={"content-type": kind},
    )
    expected = Capture(component(signals=SIGNALS, **spec), KEYED).capture(seen)
    assert expected is not None
    assert same(heard(listening(**spec), request_body, answer), expected)


def test_binary_tensors_are_found_without_their_header() -> None:
    """The agent does not send Inference-Header-Content-Length: the JSON's end is looked for."""
    batch = heard(listening(), BINARY, V2_RESPONSE, content_type="application/octet-stream")
    assert values(batch, "tabular.x") == [1, 2]
    assert values(batch, "favourable") == [1, 0]
    assert batch.version == "7"


def test_gzip_is_read_without_its_header_and_with_the_wrong_content_type() -> None:
    """The agent copies the answer's bytes, and the request's content type onto them."""
    wrong = {"content_type": "text/event-stream"}
    batch = heard(listening(), V1_REQUEST, gzip.compress(V1_RESPONSE), **wrong)
    assert values(batch, "favourable") == [1, 0]
    assert values(batch, "undecodable") == [0, 0]
    assert values(batch, "response_bytes") == [len(gzip.compress(V1_RESPONSE))] * 2


def test_seldon_pairs_by_request_id() -> None:
    """Each half has an id of its own; a label finds the event by the request's."""
    to = listening()
    send(to, seldon("response", "r1"), V1_RESPONSE)
    [batch] = send(to, seldon("request", "r1", version="1.0"), V1_REQUEST)
    ids = KEYED.event_ids(["r1:0", "r1:1"]).tobytes()
    assert batch.columns["event_id"].values.tobytes() == ids
    assert math.isnan(batch.columns["latency_ms"].values[0])  # 0.3 without a time


def test_latency_is_the_difference_of_the_senders_times() -> None:
    """250 ms by the agent's clock; the event is at the request's time."""
    batch = heard(listening(), V1_REQUEST, V1_RESPONSE)
    assert values(batch, "latency_ms") == [250, 250]
    assert values(batch, "time") == [1_777_636_800_000_000] * 2
    backwards = {"ce_time": "2026-05-01T12:00:00Z"}
    assert values(heard(listening(), V1_REQUEST, V1_RESPONSE, **backwards), "latency_ms") == [0, 0]


def test_a_transformer_and_its_predictor_are_not_mixed_up() -> None:
    """Both log under one id, with another component."""
    to = listening()
    send(to, kserve("request", ce_component="transformer"), V1_REQUEST)
    assert send(to, kserve("response", ce_component="predictor"), V1_RESPONSE) == []
    assert to.halves.waiting == 2


def test_headers_that_the_agent_was_told_to_log_are_the_requests() -> None:
    """X-Request-Id of ``--metadata-headers`` is the event's id, as at a sidecar."""
    told = json.dumps({"X-Request-Id": ["order-1"]})
    batch = heard(listening(), V1_REQUEST, V1_RESPONSE, ce_metadata=told)
    ids = KEYED.event_ids(["order-1:0", "order-1:1"]).tobytes()
    assert batch.columns["event_id"].values.tobytes() == ids


def test_a_request_alone_is_an_event_that_says_nothing_of_an_answer() -> None:
    """Inputs are there; status, latency, how it ended are not: lost answers are no failures."""
    for spec, body in (({}, V1_REQUEST), (TEXT, json.dumps(CHAT).encode())):
        to = listening(**spec)
        send(to, kserve("request"), body)
        given_up = to.halves.due(1e9)
        [batch] = to.read(given_up).batches
        assert batch.columns.keys().isdisjoint({"status_code", "latency_ms", "finish_reason"})
        assert any(name.startswith(("tabular.", "text.")) for name in batch.columns)


def test_an_answer_alone_has_no_reading() -> None:
    """It gives no event, and is in no count of exchanges."""
    to = listening()
    send(to, kserve("response"), V1_RESPONSE)
    assert to.read(to.halves.due(1e9)).batches == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"[1]", b"null", b'{"x": 1}', b"\x1f\x8b"]
)
def test_a_request_without_a_reading_is_an_event_all_the_same(body: bytes) -> None:
    """Malformed traffic must be seen: ``undecodable``."""
    batch = heard(listening(), body, V1_RESPONSE)
    assert values(batch, "undecodable") == [1]
    assert batch.n == 1
