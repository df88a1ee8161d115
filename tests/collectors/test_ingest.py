import gzip
import json
from typing import Any

import pytest

from collectors.ingest import Desk
from collectors.json_rows import MAX_ERRORS, InvalidRows, parse_rows
from collectors.labels import read_labels
from governance.errors import CaptureError
from governance.event import LabelBatch
from governance.wire.columns import decode_labels, encode_events, encode_labels
from tests.collectors.exchanges import KEYED, component, values

NOW = 1_700_000_000_000_000
SIGNALS = {
    "favourable": {"in": [1]},
    "label": {"from": "column:y", "favourable": {"in": ["repaid"]}},
    "groups": {"sex": {"from": "column:sex", "names": {"1": "male"}, "others": "drop"}},
    "features": {"tabular": {"from": "column:*", "categorical": ["zip"]}},
}


def desk(**spec: Any) -> Desk:
    return Desk(component(**({"signals": SIGNALS} | spec)), KEYED)


def wrong(rows: Any, read: Any = None) -> list[tuple[int, str]]:
    with pytest.raises(InvalidRows) as error:
        (read or (lambda rows: desk().events(rows, NOW)))(rows)
    return [(e.index, e.field) for e in error.value.errors]


def label_values(batch: LabelBatch, name: str) -> list[Any]:
    column = batch.columns[name]
    if column.dictionary is None:
        return list(column.values.tolist())
    return [None if code < 0 else column.dictionary[code] for code in column.values]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'[{"a": 1}, {"a": 2}]', {}),
        (b'{"a": 1}\n{"a": 2}\n', {}),
        (b'{"a": 1}\n\n{"a": 2}', {"content-type": "application/x-ndjson"}),
        (b'{"a": 1}\r\n{"a": 2}', {"content-type": "application/jsonl; charset=utf-8"}),
        (gzip.compress(b'{"a": 1}\n{"a": 2}', mtime=0), {"content-encoding": "gzip"}),
    ],
)
def test_arrays_and_lines_are_rows(body: bytes, headers: dict[str, str]) -> None:
    """An array, or an object a line, whatever the content type says; also compressed."""
    assert parse_rows(body, headers) == [{"a": 1}, {"a": 2}]


def test_one_object_is_one_row() -> None:
    """A single event needs no array."""
    assert parse_rows(b'{"a":\n 1}', {}) == [{"a": 1}]


@pytest.mark.parametrize(
    ("body", "reason"), [(b"", "no_body"), (b"{", "not_json"), (b"[]", "rows"), (b"\n\n", "rows")]
)
def test_a_body_without_rows_is_refused(body: bytes, reason: str) -> None:
    """No body, no JSON, no rows."""
    with pytest.raises(CaptureError) as error:
        parse_rows(body, {"content-type": "application/x-ndjson" if body == b"\n\n" else ""})
    assert error.value.reason == reason


def test_wrong_lines_are_told_by_their_index() -> None:
    """Line 1 is no JSON; entry 2 is no object."""
    with pytest.raises(InvalidRows, match="1 of 2 rows") as error:
        parse_rows(b'{"a": 1}\n{"a": \n', {})
    assert [e.index for e in error.value.errors] == [1]
    with pytest.raises(InvalidRows) as error:
        parse_rows(b'[{"a": 1}, {}, 5]', {})
    assert [e.index for e in error.value.errors] == [2]


def test_an_event_is_read_by_the_signals() -> None:
    """Outcome, groups and categories as in live capture; the raw id becomes its pseudonym."""
    row: dict[str, Any] = {
        "id": "order-1",
        "time": "2024-05-01T00:00:00Z",
        "prediction": 1,
        "score": 0.25,
        "latency_ms": 3,
        "group.sex": 1,
        "tabular.zip": 8000,
        "tabular.age": "41",
        "text.note": 1,
        "group.none": "x",
        "typo": 1,
    }
    (batch,), ignored = desk().events([row, {"id": "order-2", "group.sex": 2}], NOW)
    assert batch.columns["event_id"].values.tobytes() == b"".join(
        KEYED.event_ids(["order-1", "order-2"]).tolist()
    )
    assert batch.version == "1.0"
    assert values(batch, "time") == [1_714_521_600_000_000, NOW]
    assert values(batch, "prediction") == ["1", None]
    assert values(batch, "favourable") == [1, -1]
    assert values(batch, "group.sex") == ["male", None]
    assert values(batch, "tabular.zip") == ["8000", None]
    assert values(batch, "tabular.age") == [41, None]
    assert sorted(ignored) == ["group.none", "text.note", "typo"]
    assert encode_events(batch)


def test_versions_become_batches() -> None:
    """One message holds one version: rows are parted by what they say."""
    rows: list[Any] = [{"version": "2"}, {"version": 2}, {}, {"version": "3"}]
    batches, _ = desk().events(rows, NOW)
    assert [(batch.version, batch.n) for batch in batches] == [("2", 2), ("1.0", 1), ("3", 1)]


def test_an_event_without_id_gets_its_own() -> None:
    """Two events without an id are two events."""
    (batch,), _ = desk().events([{}, {}], NOW)
    assert len(set(batch.columns["event_id"].values.tolist())) == 2


def test_a_pseudonym_passes_as_it_is() -> None:
    """``event_id`` is 32 hex digits that were keyed before."""
    (batch,), _ = desk().events([{"event_id": "ab" * 16}], NOW)
    assert batch.columns["event_id"].values.tobytes() == b"\xab" * 16


def test_a_nan_token_is_not_missing() -> None:
    """A feature that is NaN is not finite; null is missing."""
    rows = parse_rows(b'[{"tabular.age": NaN}, {"tabular.age": null}]', {})
    (batch,), _ = desk().events(rows, NOW)
    assert values(batch, "tabular.age") == [float("inf"), None]


def test_every_wrong_key_of_every_wrong_row_is_told() -> None:
    """All errors at once, each with row and key; nothing of the request is taken."""
    rows = [
        {"id": "a"},
        {"id": "b", "status_code": "x", "weight": 0.5},
        {"event_id": "no hex"},
        {"id": "c", "time": "yesterday", "tabular.age": [1]},
    ]
    assert wrong(rows) == [
        (1, "status_code"),
        (1, "weight"),
        (2, "event_id"),
        (3, "time"),
        (3, "tabular.age"),
    ]


def test_ids_and_versions_are_texts() -> None:
    """An object as id or version is named before anything is keyed."""
    assert wrong([{"id": {}}, {"id": "a", "version": [1]}]) == [(0, "id"), (1, "version")]


def test_errors_are_told_up_to_a_bound_and_counted_beyond() -> None:
    """A thousand wrong rows make a short answer."""
    with pytest.raises(InvalidRows, match="1000 of 1000") as error:
        desk().events([{"status_code": "x"}] * 1_000, NOW)
    assert len(error.value.errors) == MAX_ERRORS


def test_texts_of_events_leave_as_codes() -> None:
    """At ``GDPR_compliant`` the door filters what a sidecar would filter."""
    (batch,), _ = desk(governance={}).events([{"tabular.job": "nurse", "group.sex": 1}], NOW)
    assert values(batch, "group.sex") == ["male"]
    assert b"nurse" not in encode_events(batch)


def test_labels_meet_their_events() -> None:
    """The same id gives the same pseudonym; what is favourable follows the signals."""
    rows: list[Any] = [
        {"id": "r:0", "label": "repaid"},
        {"id": "r:1", "label": "default", "time": 12, "supersedes": True},
        {"event_id": "cd" * 16, "label": "default", "favourable": 1},
    ]
    batch, ignored = read_labels(rows, desk(), NOW)
    assert ignored == ()
    ids = b"".join(KEYED.event_ids(["r:0", "r:1"]).tolist()) + b"\xcd" * 16
    assert batch.columns["event_id"].values.tobytes() == ids
    assert label_values(batch, "time") == [NOW, 12_000_000, NOW]
    assert label_values(batch, "label") == ["repaid", "default", "default"]
    assert label_values(batch, "favourable") == [1, 0, 1]
    assert label_values(batch, "supersedes") == [0, 1, 0]
    assert decode_labels(encode_labels(batch))[0].n == 3


def test_numeric_labels_are_classes() -> None:
    """1, 1.0, true and "1" are labels of one class, as in replay."""
    rows = [{"id": str(i), "label": label} for i, label in enumerate([1, 1.0, 0])]
    batch, _ = read_labels(rows, desk(signals={"favourable": {"in": ["1"]}}), NOW)
    assert label_values(batch, "label") == ["1", "1", "0"]
    assert label_values(batch, "favourable") == [1, 1, 0]


def test_a_label_may_say_only_whether_it_is_favourable() -> None:
    """Who knows the outcome as 1 or 0 needs no class."""
    batch, _ = read_labels([{"id": "a", "favourable": 0}], desk(), NOW)
    assert label_values(batch, "favourable") == [0]
    assert "label" not in batch.columns


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"label": 1}, "id"),
        ({"id": "a"}, "label"),
        ({"id": "a", "label": None}, "label"),
        ({"id": "a", "label": [1]}, "label"),
        ({"id": "a", "favourable": 2}, "favourable"),
        ({"id": "a", "label": 1, "time": -1}, "time"),
        ({"id": "a", "label": 1, "supersedes": "yes"}, "supersedes"),
        ({"id": ["a"], "label": 1}, "id"),
    ],
)
def test_a_wrong_label_is_told(row: dict[str, Any], field: str) -> None:
    """No event, no truth, no instant: each with its key."""
    good = {"id": "x", "label": 1}
    assert wrong([good, row], lambda rows: read_labels(rows, desk(), NOW)) == [(1, field)]


def test_rows_survive_json() -> None:
    """What parse_rows gives is what a client wrote."""
    rows = [{"id": "é", "tabular.x": 1e300}]
    assert parse_rows(json.dumps(rows).encode(), {}) == rows
