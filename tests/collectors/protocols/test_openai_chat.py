from typing import Any

import pytest

from collectors.protocols.openai_chat import OpenAIChat
from collectors.read import decode
from governance.errors import CaptureError
from tests.collectors.exchanges import CHAT_PATH, exchange

CHAT = OpenAIChat()
HELLO = {"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}


def test_usage_and_finish_reason_are_read() -> None:
    """Tokens and finish reason come from the response."""
    response = {
        "id": "chatcmpl-1",
        "choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 19, "completion_tokens": 10},
    }
    inference = decode(CHAT, exchange(CHAT_PATH, HELLO, response))
    assert (inference.parsed[0].input_tokens, inference.parsed[0].output_tokens) == (19, 10)
    assert inference.parsed[0].finish_reason == "stop"
    assert (inference.parsed[0].prompt, inference.parsed[0].completion) == ("Hello!", "Hi.")
    assert inference.parsed[0].response_id == "chatcmpl-1"


def test_a_streamed_response_is_an_event_without_content() -> None:
    """Server-sent events are neither parsed nor a reason to refuse."""
    inference = decode(
        CHAT,
        exchange(
            CHAT_PATH,
            HELLO | {"stream": True},
            b"data: {}\n\n",
            response_headers={"content-type": "text/event-stream; charset=utf-8"},
        ),
    )
    assert (inference.n, inference.parsed[0].completion, inference.refused) == (1, None, None)
    assert inference.parsed[0].prompt == "Hello!"


def test_the_parts_of_a_multimodal_message_are_joined() -> None:
    """Text parts are the prompt; pictures are not."""
    parts = [{"type": "text", "text": "What is"}, {"type": "image_url"}, {"text": "this?"}]
    request = {"messages": [{"role": "user", "content": parts}, {"role": "assistant"}]}
    assert decode(CHAT, exchange(CHAT_PATH, request)).parsed[0].prompt == "What is\nthis?"


@pytest.mark.parametrize("request_", [{}, [], {"messages": "hi"}, {"prompt": "hi"}])
def test_a_request_without_messages_is_refused(request_: Any) -> None:
    """No list of messages, no chat."""
    with pytest.raises(CaptureError, match="messages") as error:
        decode(CHAT, exchange(CHAT_PATH, request_))
    assert error.value.reason == "no_inputs"


@pytest.mark.parametrize(
    "response",
    [
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"message": "x", "finish_reason": 3}]},
        {"choices": [{}], "usage": {"prompt_tokens": -1, "completion_tokens": "9"}},
        {"choices": [{}], "usage": [1]},
    ],
)
def test_odd_answers_lose_only_what_is_odd(response: Any) -> None:
    """A field of another type is unknown; the event stays."""
    inference = decode(CHAT, exchange(CHAT_PATH, HELLO, response))
    assert inference.refused is None
    assert (inference.parsed[0].input_tokens, inference.parsed[0].output_tokens) == (None, None)
    assert (inference.parsed[0].completion, inference.parsed[0].finish_reason) == (None, None)


def test_an_answer_without_choices_is_named() -> None:
    """200 with something else is said, not hidden."""
    refused = decode(CHAT, exchange(CHAT_PATH, HELLO, {"object": "x"})).refused
    assert refused is not None
    assert refused.reason == "no_outputs"
