"""V2's generate extension: one text, whole or in pieces, or MLServer's tensors at the same path."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from collectors.protocols.kserve_v2 import KServeV2
from collectors.protocols.kserve_v2_generate import KServeV2Generate
from collectors.read import decode, read_together
from governance.errors import CaptureError
from tests.collectors.exchanges import captured, exchange, values

PATH = "/v2/models/writer/generate"
REQUEST = {"id": "r1", "text_input": "Say hello", "parameters": {"max_tokens": 5}}
STREAM = {"content-type": "text/event-stream; charset=utf-8"}
TEXT = {"model": {"name": "m", "version": "1", "modality": ["text"]}}


def piece(text: str, **more: Any) -> dict[str, Any]:
    return {"model_name": "writer", "model_version": "3", "text_output": text, **more}


def streamed(*events: dict[str, Any]) -> Any:
    body = b"".join(b"data: %s\n\n" % msgspec.json.encode(event) for event in events)
    return exchange(f"{PATH}_stream", REQUEST, body, response_headers=STREAM)


def test_a_text_is_one_event() -> None:
    """Prompt, completion, id and version are those of the bodies."""
    (parsed,) = decode(KServeV2Generate(), exchange(PATH, REQUEST, piece("Hello!"))).parsed
    assert (parsed.prompt, parsed.completion) == (("Say hello",), ("Hello!",))
    assert (parsed.request_id, parsed.version) == ("r1", "3")
    assert captured(exchange(PATH, REQUEST, piece("Hello!")), **TEXT).version == "3"


def test_a_stream_is_put_together() -> None:
    """Its tokens are the events that hold text; the last, without text, is none."""
    batch = captured(streamed(piece("Hel"), piece("lo!"), piece("", done=True)), **TEXT)
    assert values(batch, "output_tokens") == [2]
    (parsed,) = decode(KServeV2Generate(), streamed(piece("Hel"), piece("lo!"))).parsed
    assert parsed.completion == ("Hello!",)


def test_an_error_in_the_middle_ends_the_stream_as_an_error() -> None:
    """The status was 200 already: the finish reason says what happened."""
    batch = captured(streamed(piece("Hel"), {"error": "out of memory"}), **TEXT)
    assert values(batch, "finish_reason") == ["error"]
    assert values(batch, "status_code") == [200]


@pytest.mark.parametrize("path", ["generate", "generate_stream", "versions/v7/generate"])
def test_tensors_are_read_as_infer_reads_them(path: str) -> None:
    """MLServer serves both under one path."""
    tensor = {"name": "x", "datatype": "FP32", "shape": [2], "data": [0.5, 1.5]}
    bodies = {"inputs": [tensor]}, {"outputs": [tensor]}
    here = decode(KServeV2Generate(), exchange(f"/v2/models/m/{path}", *bodies))
    there = decode(KServeV2(), exchange("/v2/models/m/infer", *bodies))
    assert here.inputs["x"].tolist() == there.inputs["x"].tolist() == [0.5, 1.5]
    assert here.outputs["x"].tolist() == [0.5, 1.5]


def test_texts_and_tensors_are_of_two_kinds() -> None:
    """Each is read with its own; several texts together are as many instances."""
    protocol = KServeV2Generate()
    tensor = {"name": "x", "datatype": "FP32", "shape": [2], "data": [0.5, 1.5]}
    text = protocol.parse(exchange(PATH, REQUEST, piece("Hello!")))
    tensors = protocol.parse(exchange(PATH, {"inputs": [tensor]}, {"outputs": [tensor]}))
    assert text.layout != tensors.layout
    assert read_together(protocol, [text, text, text]).n == 3
    assert read_together(protocol, [tensors, tensors]).inputs["x"].tolist() == [0.5, 1.5] * 2


@pytest.mark.parametrize(
    "request_body",
    [{"text": "Hi"}, {"text_input": 5}, [], {}, {"inputs": True}, {"inputs": 7}, {"inputs": "x"}],
)
def test_without_a_text_there_is_no_reading(request_body: Any) -> None:
    """The reason says what is absent; a number of inputs is no input."""
    with pytest.raises(CaptureError, match=r"text_input|JSON object|not a list") as refused:
        KServeV2Generate().parse(exchange(PATH, request_body, piece("Hi")))
    assert refused.value.reason == "no_inputs"


def test_an_answer_without_its_text_costs_the_answer_only() -> None:
    """The prompt is read all the same."""
    inference = decode(KServeV2Generate(), exchange(PATH, REQUEST, {"model_name": "writer"}))
    assert inference.refused is not None
    assert inference.refused.reason == "no_outputs"
    assert inference.parsed[0].prompt == ("Say hello",)
