"""Events and labels as JSON objects."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import WireError
from governance.wire.columns import decode_events, encode_events
from governance.wire.json import decode_event, decode_label, event_batch, parse_object

ID = "00112233445566778899aabbccddeeff"
NOW_US = 1_700_000_000_000_000


def _event(**fields: Any) -> bytes:
    return json.dumps({"event_id": ID} | fields).encode()


def test_an_event_gives_the_columns_of_its_keys() -> None:
    """Names, dtypes and the version are those of the columnar form."""
    batch, unknown = decode_event(
        _event(
            version="2",
            time="2024-01-01T00:00:00Z",
            latency_ms=12.5,
            status_code=200,
            prediction=True,
            score=0.75,
            favourable=True,
            input_tokens=None,
            **{"group.sex": 2.0, "tabular.age": 41, "tabular.job": "nurse", "tabular.gap": None},
        ),
        NOW_US,
    )
    assert (batch.version, batch.n, unknown) == ("2", 1, ())
    assert batch.columns["event_id"].values.tobytes().hex() == ID
    assert batch.columns["time"].values.tolist() == [1_704_067_200_000_000]
    assert batch.columns["prediction"].dictionary == ("true",)
    assert batch.columns["group.sex"].dictionary == ("2",)
    assert batch.columns["tabular.age"].values.tolist() == [41.0]
    assert batch.columns["tabular.job"].dictionary == ("nurse",)
    assert batch.columns["favourable"].values.tolist() == [1]
    assert batch.columns["input_tokens"].values.tolist() == [-1]
    assert np.isnan(batch.columns["tabular.gap"].values).all()


def test_a_json_event_fits_the_columnar_wire() -> None:
    """What JSON gives can be sent on as columns unchanged."""
    batch, _ = decode_event(_event(score=0.5, **{"group.sex": "F"}), NOW_US)
    again, unknown = decode_events(encode_events(batch))
    assert unknown == ()
    assert again.columns["score"].values.tolist() == [0.5]


@pytest.mark.parametrize("time", [1_704_067_200, 1_704_067_200.0, "1704067200"])
def test_unix_seconds_are_a_time(time: object) -> None:
    """Numbers and digits are Unix seconds."""
    batch, _ = decode_event(_event(time=time), NOW_US)
    assert batch.columns["time"].values.tolist() == [1_704_067_200_000_000]


def test_an_event_without_time_happened_when_the_log_took_it() -> None:
    """The append time stands in."""
    assert decode_event(_event(), NOW_US)[0].columns["time"].values.tolist() == [NOW_US]


def test_unknown_keys_are_named_and_ignored() -> None:
    """As in the columnar form."""
    assert decode_event(_event(mood="fine"), NOW_US)[1] == ("mood",)


def test_a_label_is_read() -> None:
    """Label, time and correction."""
    batch, _ = decode_label(_event(label="repaid", supersedes=True), NOW_US)
    assert batch.columns["label"].dictionary == ("repaid",)
    assert batch.columns["supersedes"].values.tolist() == [1]


def test_several_objects_make_one_batch() -> None:
    """A key that a row lacks is missing there; numbers beside text are categories."""
    rows: list[dict[str, Any]] = [
        {"event_id": ID, "tabular.x": 1, "score": 0.5},
        {"event_id": ID, "tabular.x": "a"},
    ]
    batch, _ = event_batch(rows, NOW_US)
    assert batch.columns["tabular.x"].dictionary == ("1", "a")
    assert np.isnan(batch.columns["score"].values[1])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b'{"event_id": NaN}', "malformed"),
        (b'{"a": "\xff"}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b"{}", "event_id"),
        (b'{"event_id": "customer-17"}', "event_id"),
        (b'{"event_id": 5}', "event_id"),
        (_event(time="yesterday"), "time"),
        (_event(time=[1]), "time"),
        (_event(time=1.7e15), "bounds"),
        (_event(time=10**30), "bounds"),
        (_event(time=-5), "bounds"),
        (_event(status_code=10**400), "bounds"),
        (_event(status_code=200.5), "dtype"),
        (_event(score="high"), "dtype"),
        (_event(score=True), "dtype"),
        (_event(weight=0), "bounds"),
        (_event(favourable=7), "bounds"),
        (_event(prediction={"a": 1}), "dtype"),
        (_event(version="x" * 300), "version"),
        (_event(version="1\x00"), "version"),
    ],
)
def test_an_event_that_is_wrong_says_why(message: bytes, reason: str) -> None:
    """Each defect has its counted reason."""
    with pytest.raises(WireError) as caught:
        decode_event(message, NOW_US)
    assert caught.value.reason == reason


def test_a_label_needs_a_value() -> None:
    """An id alone labels nothing."""
    with pytest.raises(WireError, match="label or favourable"):
        decode_label(_event(), NOW_US)


def test_ten_megabytes_are_read_or_refused() -> None:
    """Size alone is no defect of the form."""
    assert parse_object(_event(mood="x" * 10_000_000))["event_id"] == ID


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "time",
                "score",
                "favourable",
                "status_code",
                "label",
                "prediction",
                "weight",
                "version",
                "group.a",
                "tabular.b",
                "truncated",
                "request_bytes",
                "undecodable",
                "finish_reason",
            ]
        ),
        _JSON,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_values_raise_nothing_but_wire_errors(fields: dict[str, Any]) -> None:
    """Whatever a producer writes under our names, the reader meets a batch or a WireError."""
    for decode in (decode_event, decode_label):
        try:
            decode(_event(**fields), NOW_US)
        except WireError as error:
            assert error.reason  # noqa: PT017 - either outcome is right
