"""Exchanges that are read together give the events that each gives alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture import Capture
from collectors.stack import capture_all
from governance.errors import CaptureError
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
    from collections.abc import Sequence

    from collectors.base import Exchange
    from governance.event import EventBatch

Row = dict[str, Any]


def v2(*cells: Any, rows: int = 1, path: str = V2_PATH, **changes: Any) -> Exchange:
    """One tensor per cell, each with ``rows`` equal values."""
    tensors = [
        {"name": f"x{i}", "datatype": "FP64", "shape": [rows, 1], "data": [cell] * rows}
        for i, cell in enumerate(cells)
    ]
    outputs = [{"name": "predict", "datatype": "INT64", "shape": [rows], "data": [1] * rows}]
    return exchange(path, {"inputs": tensors}, {"outputs": outputs}, **changes)


def v1(*rows: Any, **changes: Any) -> Exchange:
    return exchange(V1_PATH, {"instances": list(rows)}, {"predictions": [0] * len(rows)}, **changes)


def chat(text: str, **changes: Any) -> Exchange:
    request = {"messages": [{"role": "user", "content": text}], "user_attributes": {"sex": "f"}}
    answer = {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}
    usage = {"usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    return exchange(CHAT_PATH, request, answer | usage, **changes)


def rows_of(batches: Sequence[EventBatch | None]) -> dict[str, Row]:
    """Every event by its id, without what is missing."""
    found: dict[str, Row] = {}
    for batch in batches:
        if batch is None:
            continue
        for i, event_id in enumerate(batch.columns["event_id"].values):
            row = {name: values(batch, name)[i] for name in batch.columns if name != "event_id"}
            known = {name: value for name, value in row.items() if value is not None}
            found[event_id.tobytes().hex()] = known | {"version": batch.version}
    return found


def both_ways(exchanges: Sequence[Exchange], **spec: Any) -> tuple[dict[str, Row], Counter[str]]:
    """The events of a stack, checked against those of each exchange alone."""
    whole, each = (Capture(component(**spec), KEYED) for _ in range(2))
    taken = list(capture_all(whole, exchanges))
    alone: list[EventBatch | None] = []
    refused: Counter[str] = Counter()
    for one in exchanges:
        try:
            alone.append(each.capture(one))
        except CaptureError as error:
            refused[error.reason] += 1
            alone.append(each.unread(one, error).batch)
    together = rows_of([t.captured.batch for t in taken if t.captured is not None])
    assert together == rows_of(alone)
    assert whole.counts == each.counts
    assert Counter(t.refused.reason for t in taken if t.refused is not None) == refused
    assert sum(t.exchanges for t in taken) == len(exchanges)
    return together, refused


def numbered(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Each with an id and a time of its own."""
    return [
        one._replace(
            request_headers={**one.request_headers, "x-request-id": f"r{i}"},
            started_us=one.started_us + i,
            latency_ms=float(i),
        )
        for i, one in enumerate(exchanges)
    ]


def test_many_of_one_layout_are_one_batch() -> None:
    """A hundred equal requests are read as one, and each event keeps its own values."""
    exchanges = numbered([v2(float(i), "a" if i % 2 else "b") for i in range(100)])
    taken = list(capture_all(Capture(component(), KEYED), exchanges))
    assert [t.exchanges for t in taken] == [100]
    events, _ = both_ways(exchanges)
    assert sorted(row["latency_ms"] for row in events.values()) == list(range(100))


ODD: dict[str, Exchange] = {
    "a text among numbers": v2("n/a", 1.0),
    "an integer that no float holds": v2(2**53 + 1, 1.0),
    "an integer beyond 64 bits": v2(10**400, 1.0),
    "a boolean": v2(*[True], 1.0),
    "a null": v2(None, 1.0),
    "an infinity": exchange(
        V2_PATH,
        b'{"inputs": [{"name": "x0", "datatype": "FP64", "shape": [1, 1], "data": [Infinity]}]}',
    ),
    "several rows": v2(1.0, 2.0, rows=3),
    "a list in a cell": v2([1.0], 2.0),
    "one value too many": exchange(
        V2_PATH, {"inputs": [{"name": "x0", "datatype": "FP64", "shape": [1], "data": [1, 2]}]}
    ),
    "no tensor": exchange(V2_PATH, {"inputs": []}),
    "not JSON": exchange(V2_PATH, b"{"),
    "a failure": v2(1.0, 2.0, status=503),
    "a failure that is not JSON": exchange(V2_PATH, b"{", status=400),
    "no answer": v2(1.0, 2.0, status=0),
    "an answer that is not JSON": v2(1.0, 2.0)._replace(response_body=b"<html>"),
    "an answer of another size": v2(1.0, 2.0)._replace(
        response_body=b'{"outputs": [{"name": "predict", "datatype": "INT64", "shape": [2],'
        b' "data": [1, 0]}]}',
    ),
    "too long": v2(1.0, 2.0)._replace(request_body=None, truncated=True),
    "another version": v2(1.0, 2.0)._replace(
        response_body=b'{"model_version": "7", "outputs": '
        b'[{"name": "predict", "datatype": "INT64", "shape": [1], "data": [1]}]}',
    ),
    "no inference": exchange("/healthz", {}),
    "rows": v1([1.0, 2.0], [3.0, 4.0]),
    "ragged rows": v1([1.0], [3.0, 4.0]),
    "objects": v1({"age": 1, "job": "nurse"}),
    "objects with a key less": v1({"age": 1}),
    "objects with a list": v1({"age": [1, 2], "job": "nurse"}),
    "objects with a list of another length": v1({"age": [1, 2, 3], "job": "nurse"}),
    "scalars": v1(1, 2, 3),
    "no rows": v1(),
    "a chat": chat("Hello"),
    "a chat without an answer": exchange(CHAT_PATH, {"messages": []}, status=500),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_exchange_changes_no_other(odd: str) -> None:
    """Twice among usual ones of each protocol: all events are those of reading each alone."""
    usual = [
        *[v2(float(i), 2.0) for i in range(5)],
        *[v1([1.0, float(i)]) for i in range(3)],
        *[v1({"age": i, "job": "clerk"}) for i in range(3)],
        *[chat(f"Number {i}") for i in range(3)],
    ]
    events, _ = both_ways(numbered([*usual[:4], ODD[odd], *usual[4:9], ODD[odd], *usual[9:]]))
    assert len(events) >= len(usual)


def test_selectors_read_each_exchange() -> None:
    """Ids, times, groups and scores by header, path and tensor are those of their exchange."""
    headers = [{"x-sex": sex} if sex else {} for sex in ("f", "m", "", "f")]
    signals = {
        "id": "request:$.id",
        "prediction": "output:predict",
        "score": "response:$.outputs[0].data[*]",
        "favourable": {"atLeast": 0.5},
        "groups": {"sex": "header:X-Sex", "age": {"from": "input:x0", "names": {"1": "one"}}},
    }
    exchanges = numbered([v2(i, 2.0, request_headers=h) for i, h in enumerate(headers)])
    both_ways(exchanges, signals={**signals, "id": "header:x-sex"})
    named = [
        one._replace(request_body=(one.request_body or b"")[:-1] + b', "id": "%d"}' % i)
        for i, one in enumerate(exchanges)
    ]
    events, _ = both_ways([*named, exchanges[0]], signals=signals)
    assert Counter(row.get("group.sex") for row in events.values()) == {"f": 3, "m": 1, None: 1}


def test_a_path_that_some_bodies_lack_is_missing_there() -> None:
    """A group by JSONPath: present, absent, and of another type, each as it would be alone."""
    bodies = [chat("a"), exchange(CHAT_PATH, {"messages": []}, {"choices": []}), chat("b")]
    signals = {"groups": {"sex": "request:$.user_attributes.sex"}}
    model = {"name": "m", "version": "1", "modality": ["text"]}
    events, _ = both_ways(numbered(bodies), signals=signals, model=model)
    assert Counter(row.get("group.sex") for row in events.values()) == {"f": 2, None: 1}


def test_sampling_keeps_the_same_events_and_counts_them() -> None:
    """Events, and exchanges of which none was kept, are counted as one by one."""
    exchanges = numbered([v2(float(i), 1.0, rows=1 + i % 3) for i in range(90)])
    capture = Capture(component(capture={"sampling": 0.3}), KEYED)
    taken = [t.captured for t in capture_all(capture, exchanges) if t.captured is not None]
    both_ways(exchanges, capture={"sampling": 0.3})
    out = [Capture(component(capture={"sampling": 0.3}), KEYED).alone(one) for one in exchanges]
    assert sum(t.sampled_out for t in taken) == sum(o.sampled_out for o in out) > 0
    assert sum(t.exchanges_out for t in taken) == sum(o.batch is None for o in out) > 0


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.lists(st.integers(0, 3), max_size=2),
)


def of_kind(kind: str, x: Any, y: Any) -> Exchange:
    if kind == "a":
        return v2(x, y)
    return v1([x, y]) if kind == "b" else v1({"x": x, "y": y})


@given(st.lists(st.tuples(CELLS, CELLS, st.sampled_from("abc")), max_size=12))
def test_whatever_clients_send(cells: list[tuple[Any, Any, str]]) -> None:
    """Any cells in any mixture of layouts: the stack gives what each exchange gives."""
    both_ways(numbered([of_kind(kind, x, y) for x, y, kind in cells]))
