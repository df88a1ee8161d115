from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from collectors.protocols.openai_chat import OPENAI_CHAT as CHAT
from collectors.read import decode
from governance.errors import CaptureError
from tests.collectors.exchanges import CHAT_PATH, body, exchange

if TYPE_CHECKING:
    from collectors.base import Parsed

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
    assert (inference.parsed[0].prompt, inference.parsed[0].completion) == (("Hello!",), ("Hi.",))
    assert inference.parsed[0].response_id == "chatcmpl-1"


def streamed(*chunks: Any, request: Any = HELLO) -> Parsed:
    """What is read of a stream of these chunks."""
    lines = [chunk if isinstance(chunk, bytes) else body(chunk) for chunk in chunks]
    stream = b"".join(b"data: " + line + b"\n\n" for line in lines)
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    return decode(CHAT, exchange(CHAT_PATH, request, stream, response_headers=headers)).parsed[0]


def chunk(content: Any = None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {"id": "c-1", "choices": [{"delta": delta, "finish_reason": reason}], **more}


def test_a_stream_is_read_as_the_answer_that_it_is() -> None:
    """Text is joined; its tokens are those of usage, which comes last and without a choice."""
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    last = {"id": "c-1", "choices": [], "usage": usage}
    read = streamed(chunk(""), chunk("Hel"), chunk("lo"), chunk(reason="stop"), last, b"[DONE]")
    assert (read.completion, read.finish_reason, read.response_id) == (("Hello",), "stop", "c-1")
    assert (read.input_tokens, read.output_tokens, read.refused) == (9, 3, None)


def test_a_stream_without_usage_has_its_chunks_counted() -> None:
    """One token per chunk that has text."""
    read = streamed(chunk(""), chunk("Hel"), chunk("lo"), chunk(reason="length"))
    assert (read.input_tokens, read.output_tokens, read.finish_reason) == (None, 2, "length")


def test_an_error_amid_a_stream_is_how_it_ended() -> None:
    """What was said before stays."""
    read = streamed(chunk("Hel"), {"error": {"message": "out of memory"}})
    assert (read.completion, read.finish_reason) == (("Hel",), "error")


@pytest.mark.parametrize("ending", ["\n\n", "\r\n\r\n", "\r\r", ""])
def test_events_end_as_the_standard_allows(ending: str) -> None:
    """Any line ending, comments, other fields, data in several lines, no last blank line."""
    one, two = '{"choices": [{"delta":', ' {"content": "a"}}]}'
    mark = ending[: len(ending) // 2] or "\n"
    lines = [": ping", "event: x", f"data: {one}", f"data:{two}"]
    stream = (mark.join(lines) + ending).encode()
    headers = {"content-type": "text/event-stream"}
    read = decode(CHAT, exchange(CHAT_PATH, HELLO, stream, response_headers=headers)).parsed[0]
    assert read.completion == ("a",)


@pytest.mark.parametrize("status", [0, 200])
def test_a_stream_may_be_cut_off_anywhere(status: int) -> None:
    """Wherever that is, the text of all whole events is there, and their number; 0 is an error."""
    stream = b"".join(b"data: " + body(chunk(text)) + b"\n\n" for text in ("Hel", "lo"))
    headers = {"content-type": "text/event-stream"}
    ends = [at + 2 for at in range(len(stream)) if stream[at : at + 2] == b"\n\n"]
    for size in range(1, len(stream)):
        seen = exchange(CHAT_PATH, HELLO, stream[:size], response_headers=headers, status=status)
        read = decode(CHAT, seen).parsed[0]
        whole = sum(size >= end - 2 for end in ends)  # the blank line need not be there
        assert (read.refused, read.output_tokens) == (None, whole)
        assert read.completion == (("Hello"[: 3 * whole] or None),)
        assert read.finish_reason == ("error" if status == 0 else None)


@pytest.mark.parametrize("junk", [b"data: {\n\n", b"data: 5\n\n", b"data: \xff\n\n"])
def test_a_stream_that_is_no_json_is_named(junk: bytes) -> None:
    """The request is kept, the reason said."""
    headers = {"content-type": "text/event-stream"}
    read = decode(CHAT, exchange(CHAT_PATH, HELLO, junk, response_headers=headers)).parsed[0]
    assert read.prompt == ("Hello!",)
    assert read.refused is not None
    assert read.refused.reason == "not_json"


def test_the_parts_of_a_multimodal_message_are_joined() -> None:
    """Text parts are the prompt; pictures are not."""
    parts = [{"type": "text", "text": "What is"}, {"type": "image_url"}, {"text": "this?"}]
    request = {"messages": [{"role": "user", "content": parts}, {"role": "assistant"}]}
    assert decode(CHAT, exchange(CHAT_PATH, request)).parsed[0].prompt == ("What is\nthis?",)


@pytest.mark.parametrize("request_", [{}, [], {"messages": "hi"}, {"prompt": "hi"}])
def test_a_request_without_messages_is_refused(request_: Any) -> None:
    """No list of messages, no chat."""
    with pytest.raises(CaptureError) as error:
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
    assert (inference.parsed[0].completion, inference.parsed[0].finish_reason) == ((None,), None)


def test_an_answer_without_choices_is_named() -> None:
    """200 with something else is said, not hidden."""
    refused = decode(CHAT, exchange(CHAT_PATH, HELLO, {"object": "x"})).refused
    assert refused is not None
    assert refused.reason == "no_outputs"
