"""The contract of a protocol: from one HTTP exchange to the values of its instances.

Exchange ─► Protocol.decode ─► Inference ─► capture (signals, modalities, privacy) ─► EventBatch
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response, as the observer saw them go by.

    Header names are lower case; the last of several equal names counts. A body is None where it
    was not copied: absent, or longer than ``maxBodyBytes`` (then ``truncated``). ``status`` is 0
    where no response came.
    """

    method: str
    target: str  # path and query, as sent
    request_headers: Mapping[str, str]
    request_body: bytes | None
    status: int
    response_headers: Mapping[str, str]
    response_body: bytes | None
    started_us: int  # UTC, first byte of the request
    latency_ms: float  # until the last byte of the response
    ttft_ms: float | None = None  # until the first byte of the response's body
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Inference:
    """What a protocol reads in an exchange.

    ``inputs`` and ``outputs`` map a name to ``n`` values (numbers, texts, booleans or None), in
    instance order. ``request`` and ``response`` are the parsed JSON bodies for JSONPath selectors;
    ``response`` is None where the answer is an error or is not JSON.
    """

    n: int
    inputs: Mapping[str, Sequence[Any]]
    outputs: Mapping[str, Sequence[Any]]
    request: Any = None
    response: Any = None
    request_id: str | None = None  # V2 ``id`` or the response's ``id``
    model: str | None = None
    version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class InferenceProtocol(Protocol):
    """One inference protocol."""

    name: str

    def matches(self, method: str, path: str) -> bool:
        """Whether an exchange with this method and path (no query) is an inference."""

    def decode(self, exchange: Exchange) -> Inference:
        """Read an exchange; a failed answer (4xx, 5xx, none) still gives its inputs.

        Raises
        ------
        CaptureError
            If the request has no one reading; ``reason`` is counted, the model is not affected.
        """
