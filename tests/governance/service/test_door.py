"""The door over a real socket, onto a real embedded bus."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from governance.clock import SystemClock
from governance.component.key import ComponentKey
from governance.config import Settings
from governance.errors import ConfigError
from governance.event import EventBatch, LabelBatch, MessageType
from governance.metrics import Metrics
from governance.service.door import READING_BYTES, opened
from tests.collectors.exchanges import component, values
from tests.governance.service.standing import (
    EVENTS,
    LABELS,
    MAX_BODY_BYTES,
    UNKEYED,
    Standing,
    standing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governance.wire.message import Message


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Standing]:
    with standing(tmp_path) as found:
        yield found


def test_events_go_to_the_bus_numbered_and_under_the_component_key(door: Standing) -> None:
    """202, and the message is there: source, sequence, counts, columns."""
    answer = door.post(EVENTS, [{"id": "a", "prediction": 1, "group.sex": "f", "typo": 0}])
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "ignored": ["typo"]})
    (message,) = door.arrived(1)
    assert message.stamp.component == ComponentKey("shop", "m")
    assert message.stamp.type is MessageType.EVENTS
    assert message.stamp.source.startswith("door/")
    assert (message.stamp.sequence, message.stamp.watermark_us) == (0, None)
    assert message.stamp.counts == {"accepted": 1, "spooled": 0}
    assert isinstance(message.batch, EventBatch)
    assert values(message.batch, "favourable") == [1]
    assert message.batch.columns["event_id"].values.tobytes() == UNKEYED.event_ids(["a"]).tobytes()


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "a", "label": 1, "supersedes": true}',
        b'[{"id": "a", "label": 1, "supersedes": true}]',
        b'{"id": "a", "label": 1, "supersedes": true}\n',
    ],
)
def test_labels_go_to_the_bus(door: Standing, body: bytes) -> None:
    """One, an array or NDJSON; the id is keyed as that of the event was."""
    answer = door.post(LABELS, body)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    (message,) = door.arrived(1)
    assert isinstance(message.batch, LabelBatch)
    columns = message.batch.columns
    assert columns["event_id"].values.tobytes() == UNKEYED.event_ids(["a"]).tobytes()
    assert columns["favourable"].values.tolist() == [1]
    assert columns["supersedes"].values.tolist() == [1]


def test_wrong_rows_are_told_and_nothing_is_taken(door: Standing) -> None:
    """All or nothing; each error has index, key and words; all rows are counted."""
    answer = door.post(EVENTS, [{"id": "a"}, {"id": "b", "status_code": "x"}])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["rows"], problem["wrong"], problem["reason"]) == (2, 1, "rows")
    assert [(e["index"], e["field"]) for e in problem["errors"]] == [(1, "status_code")]
    assert "not a number" in problem["errors"][0]["message"]
    own = {"namespace": "shop", "component": "m", "kind": "events"}
    assert door.counted("evenhand_door_rows_total", **own, outcome="invalid") == 2
    assert door.post(EVENTS, {"id": "c"}).status_code == 202
    (message,) = door.arrived(1)
    assert message.batch is not None
    assert message.batch.n == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "no_body"), (b"{", "not_json"), (b"[]", "rows"), (b"\xff", "not_json")],
)
def test_a_body_without_rows_is_a_problem(door: Standing, body: bytes, reason: str) -> None:
    """400 with the reason that is counted."""
    answer = door.post(EVENTS, body)
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        ("nobody", EVENTS, 401),
        ("reader", EVENTS, 403),
        ("elsewhere", LABELS, 403),
        ("elsewhere", "/v1/labels?component=shop/m", 403),
        ("writer", "/api/v1/components/bank/m/labels", 403),
        ("writer", "/api/v1/components/shop/none/labels", 404),
        ("writer", "/v1/events?component=shop/none", 404),
        ("writer", "/v1/events?component=nonsense", 400),
    ],
)
def test_who_may_not_write_is_refused(door: Standing, token: str, path: str, status: int) -> None:
    """Unknown token, another role, another namespace, no such component."""
    answer = door.post(path, {"id": "a", "label": 1}, token=token)
    assert answer.status_code == status
    assert answer.json()["status"] == status


def test_the_short_paths_mean_the_only_component(door: Standing) -> None:
    """``/v1/labels`` needs no name where there is one component, and takes one."""
    label = {"id": "a", "label": 1}
    assert door.post("/v1/labels", label).status_code == 202
    assert door.post("/v1/labels?component=shop/m", label).status_code == 202
    assert door.post("/v1/events", {"id": "a"}).status_code == 202


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_long_is_refused(door: Standing, *, declared: bool) -> None:
    """413, also where the length is not declared (chunked); counted as one invalid row."""
    body = b" " * (MAX_BODY_BYTES + 1)
    headers = {"authorization": "Bearer writer"}
    answer = door.client.post(EVENTS, content=body if declared else iter([body]), headers=headers)
    assert answer.status_code == 413
    assert "send several" in answer.json()["detail"]
    assert b'kind="events",namespace="shop",outcome="invalid"} 1.0' in door.metrics.render()


def test_when_too_much_is_being_read_clients_come_again_later(door: Standing) -> None:
    """429 with Retry-After; once there is room again the door takes."""
    door.door.reserve(READING_BYTES)
    answer = door.post(EVENTS, {"id": "a"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    door.door.release(READING_BYTES)
    assert door.post(EVENTS, {"id": "a"}).status_code == 202
    own = {"namespace": "shop", "component": "m", "kind": "events"}
    assert door.counted("evenhand_door_rows_total", **own, outcome="full") == 1


def test_requests_that_come_together_share_messages(door: Standing) -> None:
    """Two hundred concurrent events make few messages, none lost, none twice."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: door.post(EVENTS, {"id": str(i)}), range(200)))
    assert {answer.status_code for answer in answers} == {202}
    found: list[Message] = []
    for wanted in range(1, 201):
        found = door.arrived(wanted)
        if sum(m.batch.n for m in found if m.batch) >= 200:
            break
    sent = b"".join(
        m.batch.columns["event_id"].values.tobytes() for m in found if m.batch is not None
    )
    expected = UNKEYED.event_ids([str(i) for i in range(200)]).tolist()
    assert sorted(sent[i : i + 16] for i in range(0, len(sent), 16)) == sorted(expected)
    assert len(found) < 100
    assert [m.stamp.sequence for m in found] == list(range(len(found)))


def test_health_is_open(door: Standing) -> None:
    """Probes send no token."""
    assert door.client.get("/livez").status_code == 200
    assert door.client.get("/readyz").status_code == 200


def test_a_key_is_needed_where_texts_must_not_leave(tmp_path: Path) -> None:
    """At GDPR_compliant without a key the door does not open."""
    settings = Settings.model_validate({"bus": {"url": f"file:{tmp_path / 'bus'}"}})
    watched = component(governance={})
    state = tmp_path / "state"
    with (
        pytest.raises(ConfigError, match="privacy key"),
        opened(settings, [watched], state, SystemClock(), Metrics()),
    ):
        pass
