"""One conversation, seen by the sidecar, told to the door, and read from a file of rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors.capture import Capture
from collectors.finish_reasons import finish_reasons
from collectors.ingest import Desk
from collectors.replay import open_rows
from collectors.rows.events import RowEvents
from collectors.rows.places import find_places
from governance.errors import CaptureError
from governance.event import FINISH_REASONS, Column
from tests.collectors.exchanges import (
    CHAT_PATH,
    KEYED,
    V1_PATH,
    V2_PATH,
    component,
    exchange,
    values,
)

if TYPE_CHECKING:
    from pathlib import Path

    from governance.event import EventBatch

NOW = 1_700_000_000_000_000
ROW = {
    "latency_ms": 40.0,
    "ttft_ms": 12.0,
    "status_code": 200,
    "input_tokens": 19,
    "output_tokens": 10,
    "request_bytes": 51,
    "response_bytes": 173,
    "truncated": 0,
    "undecodable": 0,
    "refusal": 1,
    "finish_reason": "tool_calls",
}
HELLO = {"messages": [{"role": "user", "content": "Hello!"}]}
ANSWER = {
    "choices": [
        {"message": {"content": None, "refusal": "I cannot"}, "finish_reason": "function_call"}
    ],
    "usage": {"prompt_tokens": 19, "completion_tokens": 10},
}


def seen(path: str, request: Any, response: Any = None, **changes: Any) -> EventBatch:
    """What the sidecar makes of an exchange, also where it has no reading."""
    capture = Capture(component(), KEYED)
    passed = exchange(path, request, response, **changes)
    try:
        batch = capture.capture(passed)
    except CaptureError as error:
        batch = capture.unread(passed, error).batch
    assert batch is not None
    return batch


def _first(path: Path) -> EventBatch:
    """The one event of a file."""
    with open_rows(path) as rows:
        reader = RowEvents(component(), find_places(component(), rows.names, path), rows.left_out)
        (table,) = rows.tables()
        (batch,) = reader.read(table).batches(np.arange(1))
    return batch


def own(batch: EventBatch) -> dict[str, Any]:
    return {name: values(batch, name)[0] for name in ROW if name in batch.columns}


def from_sidecar(_: Path) -> EventBatch:
    sizes = {"request_bytes": 51, "response_bytes": 173}
    return seen(CHAT_PATH, HELLO, ANSWER, latency_ms=40.0, ttft_ms=12.0, **sizes)


def from_door(_: Path) -> EventBatch:
    ((batch,), ignored) = Desk(component(), KEYED).events([ROW | {"id": "1"}], NOW)
    assert ignored == ()
    return batch


def from_csv(folder: Path) -> EventBatch:
    file = folder / "rows.csv"
    file.write_text(",".join(ROW) + "\n" + ",".join(map(str, ROW.values())) + "\n")
    return _first(file)


def from_jsonl(folder: Path) -> EventBatch:
    file = folder / "rows.jsonl"
    file.write_text(json.dumps(ROW) + "\n")
    return _first(file)


@pytest.mark.parametrize("source", [from_sidecar, from_door, from_csv, from_jsonl])
def test_the_same_columns_from_everywhere(source: Any, tmp_path: Path) -> None:
    """Live and replay give one value for every operational column of one conversation."""
    assert own(source(tmp_path)) == ROW


@pytest.mark.parametrize(("path", "request_"), [(V1_PATH, {"instances": [[1], [2]]})])
def test_the_protocols_of_kserve_have_sizes(path: str, request_: Any) -> None:
    """Every instance carries the size of its request; there are no tokens and no reasons."""
    batch = seen(path, request_, {"predictions": [1, 0]}, request_bytes=99, response_bytes=20)
    assert (values(batch, "request_bytes"), values(batch, "response_bytes")) == ([99] * 2, [20] * 2)
    assert not {"input_tokens", "finish_reason", "refusal"} & set(batch.columns)


@pytest.mark.parametrize(
    ("request_", "response", "status", "undecodable"),
    [
        (b"{", {"outputs": []}, 200, 1),
        (b"{", {"error": "x"}, 422, 1),
        ({"inputs": "no list"}, {}, 200, 1),
        (b"[" * 100_000, {}, 200, 1),
        ({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": [1]}]}, b"<", 200, 1),
        ({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": [1]}]}, b"<", 500, 0),
    ],
)
def test_malformed_traffic_is_seen(
    request_: Any, response: Any, status: int, undecodable: int
) -> None:
    """What cannot be read, of request or good answer, is an event that says so."""
    batch = seen(V2_PATH, request_, response, status=status)
    assert (batch.n, values(batch, "undecodable")) == (1, [undecodable])
    assert values(batch, "status_code") == [status]


def test_a_cut_body_was_not_tried() -> None:
    """Too long to be copied is neither readable nor not; its size is known."""
    batch = seen(V2_PATH, None, request_body=None, truncated=True, request_bytes=9_000_000)
    assert (values(batch, "truncated"), values(batch, "undecodable")) == ([1], [-1])
    assert values(batch, "request_bytes") == [9_000_000]


def test_finish_reasons_are_a_closed_vocabulary() -> None:
    """Other servers' words become OpenAI's; what is none of them is other; no user text passes."""
    said = ["stop", "END_TURN", "max_tokens", " eos_token", "secret of a user", "", None]
    read = finish_reasons(Column.encode(said))
    words = [None if code < 0 else (read.dictionary or ())[code] for code in read.values]
    assert words == ["stop", "stop", "length", "stop", "other", None, None]
    assert set(read.dictionary or ()) <= set(FINISH_REASONS)


def test_a_failed_conversation_ends_in_an_error() -> None:
    """The answer of a failure says nothing; that it ended badly is its finish reason."""
    batch = seen(CHAT_PATH, HELLO, {"error": "x"}, status=503)
    assert values(batch, "finish_reason") == ["error"]


def test_finish_reasons_pass_every_level_of_privacy() -> None:
    """Their vocabulary is ours, so they show where a category of the user's is a code."""
    governed = component(governance={"dataPrivacy": {"level": "GDPR_compliant"}})
    batch = Capture(governed, KEYED).capture(exchange(CHAT_PATH, HELLO, ANSWER))
    assert batch is not None
    assert values(batch, "finish_reason") == ["tool_calls"]
