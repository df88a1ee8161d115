"""Streams of V2: what several responses say as one, and what has no one reading."""

from typing import Any

import msgspec
import pytest

from collectors.protocols.kserve_v2 import KServeV2
from collectors.read import decode
from tests.collectors.exchanges import exchange

PATH = "/v2/models/words/infer_stream"
REQUEST = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a b"]}]}
STREAM = {"content-type": "text/event-stream; charset=utf-8"}


def text(piece: str, name: str = "words") -> dict[str, Any]:
    output = {"name": name, "datatype": "BYTES", "shape": [1, 1], "data": [piece]}
    return {"model_version": "v7", "outputs": [output]}


def number(value: float) -> dict[str, Any]:
    return {"outputs": [{"name": "score", "datatype": "FP64", "shape": [1], "data": [value]}]}


def answered(*responses: dict[str, Any]) -> Any:
    body = b"".join(b"data: %s\n\n" % msgspec.json.encode(one) for one in responses) or b": \n\n"
    return decode(KServeV2(), exchange(PATH, REQUEST, body, response_headers=STREAM))


def test_texts_are_put_together() -> None:
    """In the order in which they came; the version is that of the first."""
    inference = answered(text("a "), text("b"), text("!"))
    assert inference.outputs["words"].tolist() == [["a b!"]]
    assert inference.parsed[0].version == "v7"


def test_a_single_response_may_hold_numbers() -> None:
    """It is read as if it were not streamed."""
    assert answered(number(0.5)).outputs["score"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("responses", "reason"),
    [
        ((), "no_outputs"),
        ((text("a"), {"error": "out of memory"}), "no_outputs"),
        ((number(0.5), number(0.6)), "stream"),
        ((text("a"), number(0.6)), "stream"),
        ((text("a"), text("b", "others")), "stream"),
    ],
)
def test_what_has_no_one_reading_costs_only_the_outputs(
    responses: tuple[dict[str, Any], ...], reason: str
) -> None:
    """The inputs are read, and the reason is named."""
    inference = answered(*responses)
    assert inference.refused is not None
    assert inference.refused.reason == reason
    assert not inference.outputs
    assert inference.inputs["text"].tolist() == ["a b"]
