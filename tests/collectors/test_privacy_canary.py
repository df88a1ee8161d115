"""A canary in every field, header and URL: none of them is in the bytes that leave."""

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.capture import Capture
from collectors.ingest import Desk
from collectors.labels import read_labels
from collectors.projections import projections_of
from collectors.sums import EmbeddingSums
from governance.algebra.fourier import fit_projection
from governance.bus.ports import Headers
from governance.component.schema import Windows
from governance.event import MessageType
from governance.wire.headers import Stamp, encode_stamp
from governance.wire.message import encode
from tests.collectors.exchanges import (
    CHAT_PATH,
    KEYED,
    V1_PATH,
    component,
    exchange,
)
from tests.collectors.modalities.sounds import picture, sound

SIGNALS = {
    "id": "request:$.id",
    "prediction": "response:$.predictions[*]",
    "favourable": {"in": ["approve"]},
    "groups": {
        "sex": {"from": "header:x-sex", "names": {"1": "male"}},
        "race": {"from": "column:race", "others": "pool"},
    },
    "features": {
        "tabular": {"from": "column:*", "categorical": ["zip"]},
        "text": "request:$.messages[-1:].content",
    },
}


class Canaries:
    """Unique texts, each remembered with the place where it was put."""

    def __init__(self) -> None:
        self.placed: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def __call__(self, place: str) -> str:
        text = f"CANARY{next(self._numbers):04d}zqx"
        self.placed[text] = place
        return text


def spellings(text: str) -> Iterator[bytes]:
    raw = text.encode()
    yield raw
    yield raw[::-1]
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    for shift in range(3):  # base64 inside a longer text, whatever its alignment
        encoded = base64.b64encode(b"\x00" * shift + raw)[4 if shift else 0 : -4]
        yield encoded
        yield base64.urlsafe_b64encode(b"\x00" * shift + raw)[4 if shift else 0 : -4]


def exchanges(canary: Canaries) -> dict[str, tuple[str, Any, Any]]:
    def tensor(name: str) -> dict[str, Any]:
        data = [canary(f"tensor {name}"), canary(f"tensor {name}")]
        return {"name": name, "shape": [2], "datatype": "BYTES", "data": data}

    query = f"?q={canary('query')}"
    return {
        "rows": (
            f"/v1/models/{canary('path')}:predict{query}",
            {
                "id": canary("id"),
                "instances": [
                    {"zip": canary("zip"), "race": canary("race"), "note": canary("note")},
                    {"zip": 1, "race": None, "note": [canary("list"), {"a": canary("nested")}]},
                ],
                "parameters": {"p": canary("parameter")},
            },
            {"predictions": [canary("prediction"), "approve"], "id": canary("response id")},
        ),
        "tensors": (
            f"/v2/models/{canary('path')}/infer{query}",
            {"id": canary("id"), "inputs": [tensor("zip"), tensor("race")]},
            {"outputs": [tensor("predict"), tensor("score")], "id": canary("response id")},
        ),
        "chat": (
            f"{CHAT_PATH}{query}",
            {
                "model": canary("model"),
                "user": canary("user"),
                "messages": [
                    {"role": "system", "content": canary("system")},
                    {"role": "user", "content": canary("prompt"), "name": canary("name")},
                ],
            },
            {
                "id": canary("response id"),
                "model": canary("model"),
                "choices": [
                    {
                        "message": {"content": canary("completion")},
                        "finish_reason": canary("finish reason"),
                    }
                ],
            },
        ),
        "unreadable": (f"/v1/models/{canary('path')}:predict", canary("body").encode(), {}),
        "version in a refused path": (
            f"/v2/models/m/versions/{canary('version')}/infer",
            {"inputs": [tensor("zip")]},
            {},
        ),
    }


def leaving(canary: Canaries, name: str, *, anonymised: bool) -> tuple[bytes, Headers]:
    target, request, response = exchanges(canary)[name]
    watched = component(
        model={"name": "m", "version": "1", "modality": ["tabular", "text"]},
        governance={"dataPrivacy": {"anonymizationRequired": anonymised}},
        signals=SIGNALS,
    )
    headers = {
        header: canary(header)
        for header in ("authorization", "cookie", "x-request-id", "ce-id", "x-sex", "user-agent")
    }
    refused = name in {"unreadable", "version in a refused path"}
    seen = exchange(
        target,
        request,
        response,
        request_headers=headers,
        response_headers={"set-cookie": canary("set-cookie")},
        status=404 if refused else 200,
    )
    batch = Capture(watched, KEYED).capture(seen)
    assert batch is not None
    return encode(batch), encode_stamp(Stamp(MessageType.EVENTS, watched.key, "pod", 0))


@pytest.mark.parametrize("anonymised", [False, True])
@pytest.mark.parametrize("name", list(exchanges(Canaries())))
def test_no_canary_leaves(name: str, *, anonymised: bool) -> None:
    """Raw, reversed, hexadecimal, base64 and UTF-16: nothing of a body, header or URL is found."""
    canary = Canaries()
    value, headers = leaving(canary, name, anonymised=anonymised)
    sent = b"\n".join([value, *(name.encode() + raw for name, raw in headers)])
    found = [place for text, place in canary.placed.items() for s in spellings(text) if s in sent]
    assert found == []


def secret_picture(text: str) -> bytes:
    """A picture whose pixels spell the text, line by line, over and over."""
    pixels = np.frombuffer((text.encode() * 400)[: 64 * 64], dtype=np.uint8).reshape(64, 64)
    return picture(pixels, "BMP")


def secret_sound(text: str) -> bytes:
    """A recording whose samples spell the text, over and over."""
    return sound(np.frombuffer((text.encode() * 400)[:6_400], dtype="<i2"))


def medium(canary: Canaries, kind: str) -> tuple[str, Any]:
    if kind == "prompt":
        said = f"{canary('prompt')} mail ann.{canary('address')}@example.com, please"
        return CHAT_PATH, {"messages": [{"role": "user", "content": said}]}
    make = secret_picture if kind == "pixels" else secret_sound
    return V1_PATH, {"instances": [{"b64": base64.b64encode(make(canary(kind))).decode()}]}


@pytest.mark.parametrize(
    ("kind", "modality"), [("prompt", "text"), ("pixels", "image"), ("samples", "voice")]
)
@pytest.mark.parametrize("anonymised", [False, True])
def test_no_text_pixel_or_sample_leaves_with_features_and_sums(
    tmp_path: Path, kind: str, modality: str, *, anonymised: bool
) -> None:
    """30 events of 30 canaries: their columns and the sum of their embeddings hold none."""
    canary = Canaries()
    watched = component(
        model={"name": "m", "version": "1", "modality": [modality]},
        governance={"dataPrivacy": {"anonymizationRequired": anonymised}},
    )
    projections = dict(projections_of(watched, tmp_path))
    projections.setdefault("image", fit_projection("image-grey-64/1", np.eye(64), 1))
    capture = Capture(watched, KEYED, embed={modality})
    sums = EmbeddingSums({modality: projections[modality]}, Windows())
    sent = []
    for number in range(30):
        path, request = medium(canary, kind)
        headers = {"x-request-id": str(number)}
        taken = capture.alone(
            exchange(path, request, {"predictions": [1]}, request_headers=headers)
        )
        assert taken.batch is not None
        assert f"{modality}.undecodable" not in taken.batch.columns or not any(
            taken.batch.columns[f"{modality}.undecodable"].values
        )
        sums.add("1", taken.batch.columns["time"].values, taken.vectors)
        sent.append(encode(taken.batch))
    batches = [capture.allowed(batch) for ended in sums.rest() for batch in ended.batches]
    assert [total.n for batch in batches for total in batch.sums.values()] == [30]
    wire = b"".join([*sent, *map(encode, batches)])
    found = [place for text, place in canary.placed.items() for s in spellings(text) if s in wire]
    assert found == []


def test_no_canary_leaves_through_the_door() -> None:
    """Ids, values, unknown keys and labels that producers post: none is found either."""
    canary = Canaries()
    desk = Desk(component(governance={}, signals=SIGNALS), KEYED)
    event = {
        "id": canary("id"),
        "prediction": canary("prediction"),
        "group.race": canary("race"),
        "tabular.zip": canary("zip"),
        "tabular.note": canary("note"),
        canary("key"): canary("value"),
        "prompt": [canary("nested")],
    }
    batches, _ = desk.events([event], 0)
    labels, _ = read_labels([{"id": canary("id"), "label": canary("label")}], desk, 0)
    sent = b"".join([*map(encode, batches), encode(labels)])
    found = [place for text, place in canary.placed.items() for s in spellings(text) if s in sent]
    assert found == []


def test_the_search_would_find_a_canary() -> None:
    """The same search over a batch at privacy ``open`` finds what was put in."""
    canary = Canaries()
    seen = exchange(V1_PATH, {"instances": [{"zip": canary("zip")}]})
    batch = Capture(component(signals={}), KEYED).capture(seen)
    assert batch is not None
    assert any(s in encode(batch) for text in canary.placed for s in spellings(text))


def test_declared_names_do_leave() -> None:
    """What the component's own file declares is no secret: drift and fairness need it."""
    watched = component(governance={}, signals=SIGNALS)
    seen = exchange(
        V1_PATH,
        {"instances": [1]},
        {"predictions": ["approve"]},
        request_headers={"x-sex": "1"},
    )
    batch = Capture(watched, KEYED).capture(seen)
    assert batch is not None
    assert b"approve" in encode(batch)
    assert b"male" in encode(batch)
