"""Inference loggers at the door, over a real socket onto a real bus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from collectors import ingest
from collectors.cloud_events.halves import Halves
from collectors.cloud_events.listening import Listening
from governance.event import EventBatch
from tests.collectors.cloud_events.logged import (
    V1_REQUEST,
    V1_RESPONSE,
    kserve,
    seldon,
    structured,
)
from tests.collectors.exchanges import component, values
from tests.governance.service.standing import EVENTS, UNKEYED, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governance.component.schema import Component
    from governance.privacy import Pseudonymiser

OWN = {"namespace": "shop", "component": "m"}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Standing]:
    with standing(tmp_path) as found:
        yield found


def counted(door: Standing, outcome: str) -> float:
    return door.counted("evenhand_door_halves_total", **OWN, outcome=outcome) or 0.0


def waiting(door: Standing) -> float:
    return door.counted("evenhand_door_halves_waiting", **OWN) or 0.0


def bounded(monkeypatch: pytest.MonkeyPatch, **bounds: Any) -> None:
    """Other bounds for halves that wait."""

    def listening(component: Component, pseudonymiser: Pseudonymiser, **others: Any) -> Listening:
        return Listening(component, pseudonymiser, Halves(**bounds), **others)

    monkeypatch.setattr(ingest, "Listening", listening)


def balanced(door: Standing) -> bool:
    ended = sum(counted(door, outcome) for outcome in ("again", "request_alone", "response_alone"))
    return counted(door, "taken") == 2 * counted(door, "paired") + ended + waiting(door)


@pytest.mark.parametrize("path", [EVENTS, "/v1/events"])
@pytest.mark.parametrize("logger", [kserve, seldon])
def test_a_request_and_its_answer_become_events(door: Standing, path: str, logger: Any) -> None:
    """Binary mode as the agents send it; the path or the event says whose it is."""
    first = door.post(path, V1_REQUEST, **logger("request"))
    assert (first.status_code, first.json()) == (
        202,
        {"accepted": 0, "waiting": 1, "ignored": []},
    )
    second = door.post(path, V1_RESPONSE, **logger("response"))
    assert (second.status_code, second.json()["accepted"]) == (202, 2)
    (message,) = door.arrived(1)
    assert isinstance(message.batch, EventBatch)
    assert values(message.batch, "favourable") == [1, 0]
    assert values(message.batch, "status_code") == [200, 200]
    ids = UNKEYED.event_ids(["a:0", "a:1"]).tobytes()
    assert message.batch.columns["event_id"].values.tobytes() == ids
    assert (counted(door, "paired"), waiting(door), balanced(door)) == (1, 0, True)


def test_a_batch_may_hold_both_halves_of_many_exchanges(door: Standing) -> None:
    """Structured and batch mode; answers before requests."""
    both = [("response", V1_RESPONSE), ("request", V1_REQUEST)]
    events = [
        structured(kserve(side, str(i)), json.loads(body)) for side, body in both for i in range(5)
    ]
    kind = {"content-type": "application/cloudevents-batch+json"}
    assert door.post("/v1/events", events, **kind).json()["accepted"] == 10
    one = {"content-type": "application/cloudevents+json"}
    assert door.post("/v1/events", events[0], **one).json()["accepted"] == 0
    assert (counted(door, "again"), balanced(door)) == (1, True)


def test_events_of_nobody_here_are_told_and_counted(door: Standing) -> None:
    """404, with what to declare."""
    answer = door.post("/v1/events", V1_REQUEST, **kserve("request", ce_namespace="else"))
    assert answer.status_code == 404
    assert "spec.model.endpoint" in answer.json()["detail"]
    nobody = {"namespace": "", "component": "", "kind": "cloud_events", "outcome": "unknown"}
    assert door.counted("evenhand_door_rows_total", **nobody) == 1


def test_the_source_is_the_declared_endpoint(tmp_path: Path) -> None:
    """``spec.model.endpoint`` tells whose an event is, whatever else it says."""
    model = {"name": "m", "version": "1", "modality": ["tabular"], "endpoint": "https://a.b/m/1"}
    with standing(tmp_path, [component(model=model)]) as door:
        headers = kserve("request", ce_source="https://a.b/m/1", ce_namespace="else")
        assert door.post("/v1/events", V1_REQUEST, **headers).status_code == 202


def test_a_token_of_another_namespace_may_not_write(door: Standing) -> None:
    """The event says whose it is; the token must be good for that namespace."""
    answer = door.post("/v1/events", V1_REQUEST, token="elsewhere", **kserve("request"))
    assert answer.status_code == 403
    assert counted(door, "taken") == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ce_id": ""}, "id"),
        ({"ce_type": "org.example.other"}, "type"),
        ({"ce_time": "soon"}, "time"),
        ({"ce_specversion": "9"}, "specversion"),
    ],
)
def test_malformed_events_are_told_and_counted(
    door: Standing, changes: dict[str, str], field: str
) -> None:
    """422 with the attribute; nothing is taken."""
    answer = door.post(EVENTS, V1_REQUEST, **kserve("request", **changes))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    own = {**OWN, "kind": "cloud_events", "outcome": "invalid"}
    assert door.counted("evenhand_door_rows_total", **own) == 1
    assert counted(door, "taken") == 0


def test_requests_without_an_answer_become_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the wait, and at the end of the door; both say no status."""
    bounded(monkeypatch, wait_seconds=0.05)
    with standing(tmp_path) as door:
        headers = kserve("request")
        assert door.post(EVENTS, V1_REQUEST, **headers).json()["waiting"] in {0, 1}
        (message,) = door.arrived(1)
    assert message.batch is not None
    assert "status_code" not in message.batch.columns
    assert (counted(door, "request_alone"), balanced(door)) == (1, True)


def test_at_its_end_the_door_gives_up_what_waits(tmp_path: Path) -> None:
    """SIGTERM loses no request: it is an event; an answer alone is counted."""
    with standing(tmp_path) as door:
        door.post(EVENTS, V1_REQUEST, **kserve("request", "a"))
        door.post(EVENTS, V1_RESPONSE, **kserve("response", "b"))
    exchanges = {
        outcome: door.counted("evenhand_door_exchanges_total", **OWN, outcome=outcome)
        for outcome in ("read", "unread", "sampled_out")
    }
    assert sum(n or 0 for n in exchanges.values()) == exchanges["read"] == 1
    (message,) = door.arrived(1)
    assert isinstance(message.batch, EventBatch)
    assert values(message.batch, "tabular.instances[0]") == [1.5, 3]
    assert (counted(door, "request_alone"), counted(door, "response_alone")) == (1, 1)
    assert (waiting(door), balanced(door)) == (0, True)


def test_a_full_spool_refuses_the_second_half_and_keeps_the_first(
    door: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429; sent again, the exchange is whole, and counts once."""
    door.post(EVENTS, V1_REQUEST, **kserve("request"))
    spool = door.door._publisher._spool
    with monkeypatch.context() as full:
        full.setattr(spool, "has_room", lambda _: False)
        answer = door.post(EVENTS, V1_RESPONSE, **kserve("response"))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        assert (waiting(door), balanced(door)) == (1, True)
    assert door.post(EVENTS, V1_RESPONSE, **kserve("response")).json()["accepted"] == 2
    assert (counted(door, "paired"), counted(door, "taken"), balanced(door)) == (1, 2, True)


def test_many_halves_in_memory_are_given_up_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A logger of requests alone does not fill the memory: the oldest become events at once."""
    bounded(monkeypatch, waiting_bytes=10_000)
    with standing(tmp_path) as door:
        for i in range(30):
            sent = door.post(EVENTS, V1_REQUEST, **kserve("request", str(i)))
            assert sent.status_code in {202, 429}
        assert door.arrived(1)
    assert balanced(door)


def test_signals_that_cannot_be_followed_are_told(tmp_path: Path) -> None:
    """422 with the reason at the first CloudEvent; JSON events are taken all the same."""
    wrong = component(signals={"score": "request:$..["})
    with standing(tmp_path, [wrong]) as door:
        answer = door.post(EVENTS, V1_REQUEST, **kserve("request"))
        assert answer.status_code == 422
        assert "spec.signals.score" in answer.json()["detail"]
        assert door.post(EVENTS, {"id": "a"}).status_code == 202


def test_halves_that_died_with_the_process_are_counted(tmp_path: Path) -> None:
    """What the last process had in memory is ``lost_crash`` in the next one."""
    folder = tmp_path / "state" / "halves" / "shop"
    folder.mkdir(parents=True)
    (folder / "m").write_bytes((7).to_bytes(8, "little"))
    with standing(tmp_path) as door:
        assert counted(door, "lost_crash") == 7
    with standing(tmp_path) as door:
        assert counted(door, "lost_crash") == 0
