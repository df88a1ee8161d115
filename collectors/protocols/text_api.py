"""What OpenAI's interfaces share: texts in, an answer that may be streamed, a count of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from collectors.base import Parsed
from collectors.body import json_body
from collectors.modalities.text.refusal import refuses
from collectors.protocols.answer import read_answer
from governance.component.schema import Modality
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange

    Arrays = dict[str, NDArray[Any]]
    Texts = tuple[str | None, ...]

MOUNT = "/openai"  # where KServe has the interface; others have it at the root

_MEDIA = {  # types of content parts
    "image_url": Modality.IMAGE.value,
    "input_image": Modality.IMAGE.value,
    "input_audio": Modality.VOICE.value,
}


class Said(NamedTuple):
    """What an answer says; ``completions`` are one per instance, or one for all.

    ``outputs`` are arrays with one row per instance.
    """

    completions: Texts = (None,)
    finish_reason: str | None = None
    refusal: bool | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    outputs: Arrays | None = None


@dataclass(frozen=True, slots=True)
class TextApi:
    """One interface, as an ``InferenceProtocol``.

    Parameters
    ----------
    name
        In ``spec.capture.protocols``.
    path
        At the root or under ``MOUNT``.
    texts
        The text of each instance of a request body; raises CaptureError.
    said
        What an answer's body says about ``n`` instances; raises CaptureError.
    whole
        The events of a stream as the body that the same answer would be without one.
    media
        Pictures and recordings of a request body, by modality.
    """

    name: str
    path: str
    texts: Callable[[dict[str, Any]], Texts]
    said: Callable[[dict[str, Any], int], Said]
    whole: Callable[[Sequence[dict[str, Any]]], dict[str, Any]] | None = None
    media: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and path.removeprefix(MOUNT) == self.path

    def version(self, path: str) -> str | None:  # noqa: ARG002 - its paths name none
        return None

    def parse(self, exchange: Exchange) -> Parsed:
        request = json_body(exchange.request_body, exchange.request_headers)
        if not isinstance(request, dict):
            raise CaptureError("no_inputs", "the request is not a JSON object")
        return self.parsed(exchange, request, self.texts(request))

    def parsed(self, exchange: Exchange, request: Any, texts: Texts) -> Parsed:
        """What was asked by ``texts``, and what the answer says."""
        answer = read_answer(exchange, self.whole)
        said, refused, n = Said(), answer.refused, len(texts)
        if answer.body is not None:
            try:
                said = self.said(answer.body, n)
            except CaptureError as error:
                refused = error
        return Parsed(
            inputs=n,
            outputs=said.outputs,
            layout=self.name if n == 1 and refused is None and said.outputs is None else None,
            request=request,
            response=answer.body,
            response_id=answer.text("id"),
            prompt=texts,
            completion=said.completions if len(said.completions) == n else (None,) * n,
            input_tokens=_spread(said.input_tokens, n),
            output_tokens=_spread(said.output_tokens, n),
            finish_reason="error" if exchange.failed else said.finish_reason,
            refusal=_refusal(said),
            refused=refused,
            media=None if self.media is None else self.media(request),
        )

    def inputs(self, value: Any) -> tuple[int, Arrays]:
        return value, {}

    def outputs(self, value: Any) -> tuple[int, Arrays]:
        return max(map(len, value.values()), default=0), value

    def join(self, values: Sequence[Any]) -> Any:
        return sum(values)


def text(value: object) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def texts_of(value: object, name: str) -> Texts:
    """One text, or a list of texts or of tokens, each of them an instance.

    Raises
    ------
    CaptureError
        ``no_inputs``, if there is none.
    """
    if isinstance(value, str):
        return (text(value),)
    if isinstance(value, list) and value:
        if all(isinstance(item, int) and not isinstance(item, bool) for item in value):
            return (None,)  # one text, as tokens
        return tuple(text(item) for item in value)
    raise CaptureError("no_inputs", f"the request has no {name}")


def first(body: dict[str, Any], key: str) -> dict[str, Any]:
    """The first of a list of objects; empty where there is none."""
    items = body.get(key)
    return items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}


def tokens(body: dict[str, Any], key: str) -> int | None:
    """A count in ``usage``; None where it is none."""
    usage = body.get("usage")
    count = usage.get(key) if isinstance(usage, dict) else None
    valid = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31
    return count if valid else None


def text_parts(content: object, kinds: frozenset[str]) -> str | None:
    """Text, or the joined text parts of multimodal content, of these types."""
    if not isinstance(content, list):
        return text(content)
    parts = [p for p in content if isinstance(p, dict) and p.get("type", "text") in kinds]
    return "\n".join(filter(None, (text(part.get("text")) for part in parts))) or None


def media_parts(content: object) -> dict[str, Any]:
    """The first picture and the first recording among the parts of multimodal content."""
    found: dict[str, Any] = {}
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        modality = _MEDIA.get(kind) if isinstance(kind, str) else None
        if modality is not None:
            found.setdefault(modality, part.get(kind, part.get("image_url")))
    return found


def last_of_user(messages: object) -> object:
    """The content of the last message that a user wrote; None where there is none."""
    for message in reversed(messages) if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == "user":
            return message.get("content")
    return None


def _refusal(said: Said) -> bool | None:
    """What the server says, else the wording of the only answer."""
    answer = said.completions[0] if len(said.completions) == 1 else None
    if said.refusal is not None or answer is None:
        return said.refusal
    return refuses(answer)


def _spread(count: int | None, n: int) -> int | tuple[int, ...] | None:
    """A count of the whole request over its instances, so that their sum is the count."""
    if count is None or n == 1:
        return count
    share, rest = divmod(count, n)
    return tuple(share + (i < rest) for i in range(n))
