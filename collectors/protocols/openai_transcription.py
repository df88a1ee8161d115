"""OpenAI transcriptions and translations: a recording in a form, its text back.

Paths ``/v1/audio/transcriptions`` and ``/v1/audio/translations``; answers in JSON, as plain text,
subtitles, or a stream of ``transcript.text.*`` events.

Source: OpenAI API reference, "Create transcription", "Create translation".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.base import Parsed
from collectors.body import inflated
from collectors.multipart import form_parts
from collectors.protocols.answer import Answer, read_answer
from collectors.protocols.text_api import MOUNT, text, tokens
from governance.component.schema import Modality
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange

_PATHS = frozenset({"/v1/audio/transcriptions", "/v1/audio/translations"})
_FILE = "file"
_PLAIN = ("text/", "application/x-subrip")  # response_format text, srt, vtt
_STREAM = "text/event-stream"


class OpenAITranscription:
    """One recording, one text."""

    name = "openai-transcription"

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and path.removeprefix(MOUNT) in _PATHS

    def version(self, path: str) -> str | None:  # noqa: ARG002 - its paths name none
        return None

    def parse(self, exchange: Exchange) -> Parsed:
        fields, recording = _form(exchange)
        said, answer = _said(exchange)
        return Parsed(
            inputs=1,
            layout=self.name if answer.refused is None else None,
            request=fields,
            response=answer.body,
            completion=said,
            input_tokens=tokens(answer.body or {}, "input_tokens"),
            output_tokens=tokens(answer.body or {}, "output_tokens"),
            finish_reason="error" if exchange.failed else None,
            refused=answer.refused,
            media={Modality.VOICE.value: recording},
        )

    def inputs(self, value: Any) -> tuple[int, dict[str, NDArray[Any]]]:
        return value, {}

    def outputs(self, value: Any) -> tuple[int, dict[str, NDArray[Any]]]:  # noqa: ARG002 - none
        return 1, {}

    def join(self, values: Sequence[Any]) -> Any:
        return sum(values)


def _form(exchange: Exchange) -> tuple[dict[str, str], bytes]:
    """The fields that are no files, and the recording."""
    kind = exchange.request_headers.get("content-type", "")
    if not exchange.request_body:
        raise CaptureError("no_body", "the body is empty or was not copied")
    encoding = exchange.request_headers.get("content-encoding", "")
    parts = form_parts(inflated(exchange.request_body, encoding), kind)
    recording = next((part.body for part in parts if part.name == _FILE), None)
    if recording is None:
        raise CaptureError("no_inputs", f"the form has no part {_FILE!r}")
    return {part.name: part.text for part in parts if part.filename is None}, recording


def _said(exchange: Exchange) -> tuple[str | None, Answer]:
    kind = exchange.response_headers.get("content-type", "").strip().lower()
    body = exchange.response_body
    if body and not exchange.failed and kind.startswith(_PLAIN) and not kind.startswith(_STREAM):
        encoding = exchange.response_headers.get("content-encoding", "")
        try:
            plain = inflated(body, encoding).decode("utf-8", "replace")
        except CaptureError as error:
            return None, Answer(refused=error)
        return text(plain.strip()), Answer()
    answer = read_answer(exchange, _whole)
    if answer.body is not None and not isinstance(answer.body.get("text"), str):
        answer = Answer(answer.body, CaptureError("no_outputs", "the response has no text"))
    return answer.text("text"), answer


def _whole(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The closing event, else what was said until the stream broke off."""
    for event in reversed(events):
        if event.get("type") == "transcript.text.done":
            return dict(event)
    deltas = [event for event in events if event.get("type") == "transcript.text.delta"]
    return {"text": "".join(filter(None, (text(delta.get("delta")) for delta in deltas)))}


OPENAI_TRANSCRIPTION = OpenAITranscription()
