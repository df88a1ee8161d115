"""Tokens in paths, rates, media types and repetition at the door, over a real socket."""

from __future__ import annotations

import gzip
import json
import logging
import socket
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from governance.clock import SECOND_US, ManualClock, SystemClock
from governance.event import EventBatch, LabelBatch
from governance.service import intake, patience
from governance.service.limits import FAILURES
from governance.wire.arrow import ARROW_TYPE
from tests.collectors.cloud_events.logged import V1_REQUEST, kserve
from tests.collectors.exchanges import values
from tests.detectors.log import Reader
from tests.governance.service.standing import EVENTS, LABELS, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

OWN = {"namespace": "shop", "component": "m"}
FEEDBACK = EVENTS.replace("events", "feedback")


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Standing]:
    with standing(tmp_path) as found:
        yield found


def bare(door: Standing, path: str, body: object, **headers: str) -> httpx.Response:
    """A request without an Authorization header."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return door.client.post(path, content=raw, headers=headers)


def table(**columns: object) -> bytes:
    sink, sent = pa.BufferOutputStream(), pa.table(columns)
    with pa.ipc.new_stream(sink, sent.schema) as to:
        to.write_table(sent)
    raw: bytes = sink.getvalue().to_pybytes()
    return raw


@pytest.mark.parametrize("path", [EVENTS, LABELS, FEEDBACK, "/v1/events", "/v1/labels"])
@pytest.mark.parametrize("end", ["", "/"])
def test_the_token_may_be_the_last_segment_of_the_path(door: Standing, path: str, end: str) -> None:
    """KServe's logger can send no header; roles and namespaces hold as ever."""
    row = {"id": "a", "label": 1}
    assert bare(door, f"{path}/writer{end}", row).status_code == 202
    assert bare(door, f"{path}/nobody{end}", row).status_code == 401
    assert bare(door, f"{path}/reader{end}", row).status_code == 403
    assert bare(door, path, row).status_code == 401
    assert door.post(f"{path}/nobody", row).status_code == 202  # the header wins


def test_a_logger_with_its_token_in_the_path_is_heard(door: Standing) -> None:
    """``logger.url: http://door/v1/events/TOKEN``."""
    answer = bare(door, "/v1/events/writer", V1_REQUEST, **kserve("request"))
    assert (answer.status_code, answer.json()["waiting"]) == (202, 1)


def test_no_answer_and_no_log_repeats_the_token(
    door: Standing, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong behind it: 401, 404, 405, 413, 422, bad HTTP."""
    caplog.set_level(logging.DEBUG)
    secret = "s3cret-in-the-path"
    answers = [
        bare(door, f"{EVENTS}/{secret}", {"id": "a"}),
        bare(door, f"/v1/nothing/{secret}", {"id": "a"}),
        bare(door, f"/api/v1/components/shop/none/events/{secret}", {"id": "a"}),
        bare(door, f"{EVENTS}/{secret}/more", {"id": "a"}),
        bare(door, f"{EVENTS}/{secret}", b"x" * 20_000),
        bare(door, f"{EVENTS}/{secret}%0a%ff", {"id": "a"}),
        door.client.get(f"{EVENTS}/{secret}"),
    ]
    assert all(answer.status_code >= 400 for answer in answers)
    told = "".join(answer.text + str(answer.headers) for answer in answers)
    ours = [record for record in caplog.records if not record.name.startswith("http")]
    assert secret not in told
    assert secret not in "".join(record.getMessage() for record in ours)
    assert secret.encode() not in door.metrics.render()


def test_who_guesses_tokens_has_to_wait(door: Standing) -> None:
    """429 with Retry-After, also for the path's token."""
    statuses = [bare(door, f"{EVENTS}/guess{i}", {"id": "a"}).status_code for i in range(25)]
    assert statuses == [401] * FAILURES + [429] * 5


def test_a_token_may_bring_only_so_many_rows(tmp_path: Path) -> None:
    """Its own rate in the tokens file; counted as refused for now, and after the wait taken."""
    clock = ManualClock(1_777_636_800 * SECOND_US)
    with standing(tmp_path, clock=clock) as door:
        rows = [{"id": str(i)} for i in range(30)]
        assert door.post(EVENTS, rows, token="slow").status_code == 202
        answer = door.post(EVENTS, {"id": "x"}, token="slow")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "21")
        own = {**OWN, "kind": "events", "outcome": "full"}
        assert door.counted("evenhand_door_rows_total", **own) == 1
        clock.advance(21 * SECOND_US)
        assert door.post(EVENTS, {"id": "x"}, token="slow").status_code == 202


def test_a_table_is_taken_as_its_rows_would_be(door: Standing) -> None:
    """Arrow IPC with raw ids: keyed, read by the signals, wrong rows told by index and key."""
    kind = {"content-type": ARROW_TYPE}
    columns = {"id": ["a", "b"], "prediction": [1, 0], "group.sex": ["f", None]}
    answer = door.post(EVENTS, table(**columns), **kind)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "ignored": []})
    (message,) = door.arrived(1)
    assert isinstance(message.batch, EventBatch)
    assert values(message.batch, "favourable") == [1, 0]
    assert values(message.batch, "group.sex") == ["f", None]
    wrong = door.post(EVENTS, table(id=["a", "b"], status_code=[200, 9_999]), **kind)
    assert wrong.status_code == 422
    assert [(e["index"], e["field"]) for e in wrong.json()["errors"]] == [(1, "status_code")]
    zipped = gzip.compress(table(id=["c"], label=[1]))
    assert door.post(LABELS, zipped, **kind, **{"content-encoding": "gzip"}).status_code == 202
    for body in (b"", b"no table", table(id=[])):
        assert door.post(EVENTS, body, **kind).status_code == 400


def test_a_body_that_does_not_end_is_given_up(
    door: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408 after the time that a body has; counted, and its bytes are free again."""
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.2)
    with socket.create_connection((door.client.base_url.host, door.client.base_url.port)) as slow:
        head = f"POST {EVENTS}/writer HTTP/1.1\r\nhost: d\r\ncontent-length: 9\r\n\r\n{{"
        slow.sendall(head.encode())
        assert slow.recv(65_536).startswith(b"HTTP/1.1 408 ")
    own = {**OWN, "kind": "events", "outcome": "invalid"}
    assert door.counted("evenhand_door_rows_total", **own) == 1
    assert door.door._reading == 0


def test_a_head_that_does_not_end_is_given_up(
    door: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is closed, whether the head was begun or not, first or later."""
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.2)
    whole = b"GET /livez HTTP/1.1\r\nhost: d\r\n\r\n"
    for sent in (b"", b"POST /v1", whole + b"POST /v1"):
        with socket.create_connection(
            (door.client.base_url.host, door.client.base_url.port)
        ) as slow:
            slow.sendall(sent)
            said = b""
            while part := slow.recv(65_536):
                said += part
            assert said.count(b"HTTP/1.1 200 ") == sent.count(b"livez")


def test_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    """40 kB that inflate to 40 MB: 400, and no more memory than the bound."""
    bomb = gzip.compress(b" " * 40_000_000)
    with standing(tmp_path, max_body_bytes=1_000_000) as door:
        answer = door.post(EVENTS, bomb, **{"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "content_encoding")


def test_feedback_is_a_label_that_corrects_nothing(door: Standing) -> None:
    """What people say is joined as a label; ``supersedes`` is for who knows the truth."""
    assert door.post(FEEDBACK, {"id": "a", "favourable": 1}).status_code == 202
    (message,) = door.arrived(1)
    assert isinstance(message.batch, LabelBatch)
    refused = door.post(
        FEEDBACK, [{"id": "b", "label": 1}, {"id": "a", "label": 0, "supersedes": 1}]
    )
    assert refused.status_code == 422
    assert [(e["index"], e["field"]) for e in refused.json()["errors"]] == [(1, "supersedes")]
    own = {**OWN, "kind": "feedback", "outcome": "accepted"}
    assert door.counted("evenhand_door_rows_total", **own) == 1


def test_a_batch_that_is_sent_again_counts_once(door: Standing) -> None:
    """The client did not hear the 202: the detector side takes each id into its window once."""
    now = SystemClock().now_us() // SECOND_US - 60
    rows = [{"id": str(i), "time": now + i, "group.sex": "f"} for i in range(50)]
    assert door.post(EVENTS, rows).status_code == 202
    assert door.post(EVENTS, rows).status_code == 202
    assert (
        door.post(EVENTS, [*rows[40:], {"id": "new", "time": now, "group.sex": "m"}]).status_code
        == 202
    )
    reader = Reader.of(windows={"every": "1h"})
    for message in door.arrived(3):
        assert isinstance(message.batch, EventBatch)
        reader.events((now + 60) * SECOND_US, message.batch, message.stamp)
    counts = reader.state.counts
    assert (counts["events"], counts["duplicate_events"]) == (51, 60)
    assert len({message.stamp.sequence for message in door.arrived(3)}) == 3


def test_spooled_and_published_add_up_to_what_was_accepted(door: Standing) -> None:
    """``evenhand_collector_events_total``: the door's part of conservation."""
    for i in range(20):
        door.post(EVENTS, [{"id": f"{i}:{k}"} for k in range(3)])
    total = sum(
        door.counted("evenhand_collector_events_total", **OWN, outcome=outcome) or 0
        for outcome in ("published", "spooled", "dropped_invalid", "dropped_full")
    )
    own = {**OWN, "kind": "events", "outcome": "accepted"}
    assert total == door.counted("evenhand_door_rows_total", **own) == 60
