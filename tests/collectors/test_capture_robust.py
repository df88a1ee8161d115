"""Whatever bytes come: an event, nothing, or a reason. Never another error."""

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.capture import Capture
from governance.errors import CaptureError
from governance.wire.columns import decode_events, encode_events
from tests.collectors.bodies import body
from tests.collectors.exchanges import (
    CHAT_PATH,
    GOLDEN,
    KEYED,
    V1_PATH,
    V2_PATH,
    component,
    exchange,
)

PATHS = (V1_PATH, V2_PATH, CHAT_PATH, "/v2/models/m/versions/%ff/infer", "http://[x/v2/models/m")
RICH = component(
    model={"name": "m", "version": "1", "modality": ["tabular", "text"]},
    governance={"dataPrivacy": {"anonymizationRequired": True}},
    signals={
        "id": "request:$.id",
        "version": "response:$.version",
        "score": "response:$.outputs[*].score",
        "favourable": {"in": [1, "yes"]},
        "groups": {"a": "column:a", "h": {"from": "header:x-h", "others": "pool"}},
        "features": {
            "tabular": {"from": "column:*", "categorical": ["a"]},
            "text": "request:$.t",
        },
    },
)

KEYS = st.sampled_from(
    [
        *("inputs", "instances", "outputs", "predictions", "messages", "choices", "usage"),
        *("name", "shape", "datatype", "data", "id", "version", "a", "t", "score", "role"),
        *("content", "parameters"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["FP32", "INT64", "BYTES", "user", "x", "1", "\x00", "nan"])
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


def check(path: str, request: bytes, response: bytes, status: int = 200) -> None:
    seen = exchange(path, request, response, status=status)
    try:
        batch = Capture(RICH, KEYED).capture(seen)
    except CaptureError as error:
        assert error.reason.isidentifier()  # noqa: PT017 - most inputs raise nothing
        return
    if batch is not None:
        read, unknown = decode_events(encode_events(batch))
        assert (read.n, unknown) == (batch.n, ())


def json_bytes(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (OverflowError, UnicodeEncodeError):  # what JSON text cannot hold
        return b"{}"


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PATHS), VALUES, VALUES, st.sampled_from([0, 200, 404, 500]))
def test_any_json_gives_an_event_or_a_reason(
    path: str, request_: Any, response: Any, status: int
) -> None:
    """Values of any type in any place, in requests and responses of any status."""
    check(path, json_bytes(request_), json_bytes(response), status)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PATHS), st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_give_an_event_or_a_reason(path: str, request_: bytes, response: bytes) -> None:
    """Bodies need not be text."""
    check(path, request_, response)


@pytest.mark.parametrize("path", [V1_PATH, V2_PATH, CHAT_PATH])
def test_plausible_bodies_give_an_event_or_a_reason(path: str) -> None:
    """Bodies that look right and are wrong in every second place (seeded)."""
    chance = random.Random(29)
    for _ in range(600):
        request, response = (json.dumps(body(chance)).encode() for _ in range(2))
        check(path, request, response, chance.choice([0, 200, 200, 500]))


@pytest.mark.parametrize("family", ["kserve-v1", "oip-v2-rest", "openai-chat"])
def test_damaged_real_bodies_give_an_event_or_a_reason(family: str) -> None:
    """Real bodies with bytes replaced, doubled and cut (seeded)."""
    chance = random.Random(17)
    path = {"kserve-v1": V1_PATH, "oip-v2-rest": V2_PATH, "openai-chat": CHAT_PATH}[family]
    for file in sorted((GOLDEN / family).glob("*.json")):
        real = file.read_bytes()
        for _ in range(100):
            damaged = bytearray(real)
            for _ in range(chance.randint(1, 4)):
                place = chance.randrange(len(damaged))
                damaged[place : place + chance.randint(0, 3)] = chance.choice(
                    [b"", b"[", b"}", b"null", b"1e999", b"\x00", b"\xff", b'"', b"-"]
                )
            check(path, bytes(damaged), real)


@pytest.mark.parametrize(
    "extreme",
    [
        b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"instances": [' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
        b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"instances": [' + b"9" * 100_000 + b"]}",
        b'{"instances": [' + b"1," * 400_000 + b"1]}",
        b'{"instances": [[' + b"1," * 400_000 + b"1]]}",
        b'{"instances": [{' + b",".join(b'"k%d":1' % i for i in range(50_000)) + b"}]}",
        b'{"instances": ["' + b"\\u0000" * 100_000 + b'"]}',
        b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [99999999999], "data": [1]}]}',
    ],
    ids=["lists", "objects", "axes", "digits", "rows", "columns", "keys", "NULs", "shape"],
)
def test_extremes_end_in_an_event_or_a_reason(extreme: bytes) -> None:
    """Bottomless nesting, huge numbers, very many rows, columns or keys."""
    for path in (V1_PATH, V2_PATH, CHAT_PATH):
        check(path, extreme, extreme)
