"""OpenAI's other interfaces: completions, responses, embeddings, moderations."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors.catalog import PROTOCOLS, find_protocol
from collectors.read import decode
from governance.errors import CaptureError
from tests.collectors.exchanges import body, captured, exchange, values

if TYPE_CHECKING:
    from collectors.base import Inference

STREAM = {"content-type": "text/event-stream"}
TEXT = {"name": "m", "version": "1", "modality": ["text"]}


def read(path: str, request: Any, response: Any = None, **changes: Any) -> Inference:
    protocol = find_protocol(PROTOCOLS, "POST", path)
    assert protocol is not None
    return decode(protocol, exchange(path, request, response, **changes))


def stream(*events: Any) -> bytes:
    return b"".join(b"data: " + body(event) + b"\n\n" for event in events)


@pytest.mark.parametrize("mount", ["", "/openai"])
@pytest.mark.parametrize("name", ["completions", "responses", "embeddings", "moderations"])
def test_interfaces_are_known_at_the_root_and_where_kserve_has_them(mount: str, name: str) -> None:
    """One protocol each."""
    protocol = find_protocol(PROTOCOLS, "POST", f"{mount}/v1/{name}")
    assert protocol is not None
    assert protocol.name == f"openai-{name}"


def test_each_prompt_of_a_completion_is_an_instance() -> None:
    """Choices of the first of n per prompt; the tokens of the request add up over its events."""
    choices = [{"text": t, "finish_reason": "stop"} for t in ("a", "b", "c", "d")]
    usage = {"prompt_tokens": 7, "completion_tokens": 5}
    request = {"prompt": ["one", "two"], "n": 2}
    inference = read("/v1/completions", request, {"choices": choices, "usage": usage})
    parsed = inference.parsed[0]
    assert (inference.n, parsed.prompt, parsed.completion) == (2, ("one", "two"), ("a", "c"))
    assert (parsed.input_tokens, parsed.output_tokens) == ((4, 3), (3, 2))


def test_events_of_one_request_share_its_tokens() -> None:
    """What leaves the pod adds up to what was paid."""
    choices = [{"text": "a", "finish_reason": "stop"}] * 3
    usage = {"prompt_tokens": 8, "completion_tokens": 4}
    request = {"prompt": ["one", "two", "three"]}
    seen = exchange("/v1/completions", request, {"choices": choices, "usage": usage})
    batch = captured(seen, model=TEXT)
    assert (batch.n, sum(values(batch, "input_tokens"))) == (3, 8)
    assert values(batch, "text.characters") == [3, 3, 5]


@pytest.mark.parametrize("prompt", [[5, 6, 7], [[5, 6], [7]]])
def test_prompts_may_be_tokens(prompt: Any) -> None:
    """Their text is not known; their number of instances is."""
    inference = read("/v1/completions", {"prompt": prompt})
    assert inference.n == (2 if isinstance(prompt[0], list) else 1)
    assert set(inference.parsed[0].prompt or ()) == {None}


def test_a_streamed_completion_is_joined() -> None:
    """Chunk by chunk, and its tokens counted."""
    parts = [{"id": "c", "choices": [{"text": t, "index": 0}]} for t in ("He", "llo")]
    end = {"choices": [{"text": "", "index": 0, "finish_reason": "length"}]}
    response = stream(*parts, end)
    parsed = read("/v1/completions", {"prompt": "x"}, response, response_headers=STREAM).parsed[0]
    assert (parsed.completion, parsed.output_tokens) == (("Hello",), 2)
    assert parsed.finish_reason == "length"


MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "Hi."}]}
USAGE = {"input_tokens": 3, "output_tokens": 2}


@pytest.mark.parametrize(
    ("response", "reason", "refusal"),
    [
        ({"status": "completed", "output": [MESSAGE]}, "stop", False),
        ({"status": "completed", "output": [{"type": "function_call"}]}, "tool_calls", False),
        ({"status": "failed", "output": []}, "error", False),
        (
            {
                "status": "completed",
                "output": [{"content": [{"type": "refusal", "refusal": "No"}]}],
            },
            "stop",
            True,
        ),
        (
            {
                "status": "incomplete",
                "output": [MESSAGE],
                "incomplete_details": {"reason": "max_output_tokens"},
            },
            "length",
            False,
        ),
    ],
)
def test_a_response_says_how_it_ended(response: Any, reason: str, *, refusal: bool) -> None:
    """In the words of chat completions, with its tokens."""
    request = {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]}
    parsed = read("/v1/responses", request, {**response, "usage": USAGE}).parsed[0]
    assert (parsed.finish_reason, parsed.refusal) == (reason, refusal)
    assert (parsed.input_tokens, parsed.output_tokens, parsed.prompt) == (3, 2, ("Hello",))


def test_a_streamed_response_is_that_of_its_closing_event() -> None:
    """Where the stream breaks off, what was said until then, its deltas counted."""
    deltas = [{"type": "response.output_text.delta", "delta": t} for t in ("H", "i.")]
    whole = {"id": "r", "status": "completed", "output": [MESSAGE], "usage": USAGE}
    ended = stream(*deltas, {"type": "response.completed", "response": whole})
    for response, tokens, reason in ((ended, 2, "stop"), (stream(*deltas), 2, None)):
        inference = read("/v1/responses", {"input": "x"}, response, response_headers=STREAM)
        parsed = inference.parsed[0]
        assert (parsed.completion, parsed.output_tokens) == (("Hi.",), tokens)
        assert parsed.finish_reason == reason


def test_embeddings_are_outputs_in_the_order_of_their_inputs() -> None:
    """Numbers, or base64 of 32-bit floats."""
    vectors = np.array([[1.0, 2.0], [3.0, 4.0]], dtype="<f4")
    coded = [base64.b64encode(v.tobytes()).decode() for v in vectors]
    request = {"input": ["a", "b"]}
    for found in (vectors.tolist(), coded):
        data = [{"index": i, "embedding": found[i]} for i in (1, 0)]
        response = {"data": data, "usage": {"prompt_tokens": 5}}
        inference = read("/v1/embeddings", request, response)
        assert inference.outputs["embedding"].tolist() == vectors.tolist()
        assert inference.parsed[0].input_tokens == (3, 2)


def test_moderations_are_predictions_with_scores() -> None:
    """Flagged is the prediction; a category missing in one result is missing there."""
    results = [
        {"flagged": True, "category_scores": {"hate": 0.9, "violence": 0.1}},
        {"flagged": False, "category_scores": {"hate": 0.2}},
    ]
    seen = exchange("/v1/moderations", {"input": ["a", "b"]}, {"results": results})
    signals = {"score": "output:score.hate", "favourable": {"in": ["false"]}}
    batch = captured(seen, model=TEXT, signals=signals)
    assert values(batch, "prediction") == ["true", "false"]
    assert values(batch, "score") == [0.9, 0.2]
    assert values(batch, "favourable") == [0, 1]


@pytest.mark.parametrize(
    ("path", "response"),
    [
        ("/v1/completions", {}),
        ("/v1/responses", {"output": "x"}),
        ("/v1/embeddings", {"data": []}),
        ("/v1/embeddings", {"data": [{"embedding": "%%"}]}),
        ("/v1/embeddings", {"data": [{"embedding": [[1], 2]}]}),
        ("/v1/moderations", {"results": [3]}),
    ],
)
def test_an_answer_that_says_nothing_is_named(path: str, response: Any) -> None:
    """The inputs stay."""
    inference = read(path, {"prompt": "a", "input": "a"}, response)
    assert inference.n == 1
    assert inference.refused is not None


@pytest.mark.parametrize("path", ["completions", "responses", "embeddings", "moderations"])
@pytest.mark.parametrize("request_", [{}, [], {"input": 5, "prompt": 5}, {"input": {}}])
def test_a_request_without_text_is_refused(path: str, request_: Any) -> None:
    """Neither a text nor a list of them."""
    with pytest.raises(CaptureError) as error:
        read(f"/v1/{path}", request_)
    assert error.value.reason == "no_inputs"
