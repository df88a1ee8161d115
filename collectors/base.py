"""The contract of a protocol: from one HTTP exchange to the values of its instances.

Exchange ─► Protocol.parse ─► Parsed ─► read ─► Inference ─► capture (signals, modalities,
privacy) ─► EventBatch. Exchanges of one layout are read as one: most of what a request costs is
then paid once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from governance.errors import CaptureError


class Exchange(NamedTuple):  # three times as quick to make as a frozen dataclass
    """One request and its response, as the observer saw them go by.

    Header names are lower case; the last of several equal names counts. A body is None where it
    was not copied: absent, or longer than ``maxBodyBytes`` (then ``truncated``). ``status`` is 0
    where no response came. Bytes are those of the body as it was sent, encoded, cut or not.
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
    request_bytes: int | None = None
    response_bytes: int | None = None
    truncated: bool = False

    @property
    def path(self) -> str:
        """The target's path, decoded, without query."""
        target = self.target if self.target.startswith("/") else _path_of(self.target)
        return unquote(target.partition("?")[0])

    @property
    def failed(self) -> bool:
        """No answer, or one that says error."""
        return self.status == 0 or self.status >= 400


# One value for all instances of an exchange, or one for each of them.
Texts = str | tuple[str | None, ...] | None
Counts = int | tuple[int, ...] | None


class Parsed(NamedTuple):
    """What a protocol reads of one exchange before its values become arrays.

    ``inputs`` and ``outputs`` are the JSON that the protocol's methods of these names take; None
    where there are none. ``request`` and ``response`` are the parsed bodies for JSONPath
    selectors; ``response`` is None where the answer is an error or is not JSON, and ``refused``
    then says why an answer that is no error could not be read.

    Exchanges of one ``layout`` have the same inputs and outputs, name by name and width by width,
    with ``rows`` rows each: they can be read as one (``InferenceProtocol.join``). None = alone.
    """

    inputs: Any = None
    outputs: Any = None
    layout: Hashable = None
    rows: int = 1  # known where there is a layout
    request: Any = None
    response: Any = None
    request_id: str | None = None  # V2 ``id``
    response_id: str | None = None
    version: str | None = None  # of the model, as the response names it
    prompt: Texts = None  # what a text modality looks at where nothing is declared
    completion: Texts = None
    input_tokens: Counts = None
    output_tokens: Counts = None
    finish_reason: str | None = None  # as the model writes it
    refusal: bool | None = None  # whether the model says that it refuses
    refused: CaptureError | None = None
    media: Mapping[str, Any] | None = None  # by modality, of all instances


@dataclass(frozen=True, slots=True)
class Inference:
    """The values of one exchange, or of several that were read as one.

    ``inputs`` and ``outputs`` map a name to an array with one row per instance, shape (n, ...), in
    the order of the exchanges and their instances (``collectors.arrays`` says which dtype);
    ``sizes`` are the instances of each exchange. ``refused`` says why an answer that is no error
    could not be read.
    """

    parsed: tuple[Parsed, ...]
    sizes: tuple[int, ...]
    inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    outputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    refused: CaptureError | None = None

    @property
    def n(self) -> int:
        """Instances of all exchanges."""
        return self.sizes[0] if len(self.sizes) == 1 else sum(self.sizes)


class InferenceProtocol(Protocol):
    """One inference protocol."""

    @property
    def name(self) -> str:
        """What ``spec.capture.protocols`` calls it."""

    def matches(self, method: str, path: str) -> bool:
        """Whether an exchange with this method and path (no query) is an inference."""

    def version(self, path: str) -> str | None:
        """The model version that the path names."""

    def parse(self, exchange: Exchange) -> Parsed:
        """Parse the bodies; a failed answer (4xx, 5xx, none) still gives its inputs.

        Raises
        ------
        CaptureError
            If the request has no one reading; ``reason`` is counted, the model is not affected.
        """

    def inputs(self, value: Any) -> tuple[int, dict[str, NDArray[Any]]]:
        """n, and the input arrays, of ``Parsed.inputs``; raises as ``parse``."""

    def outputs(self, value: Any) -> tuple[int, dict[str, NDArray[Any]]]:
        """n, and the output arrays, of ``Parsed.outputs``; raises as ``parse``."""

    def join(self, values: Sequence[Any]) -> Any:
        """Inputs (or outputs) of one layout, end to end.

        Raises
        ------
        CaptureError
            ``layout``, if they differ where the layout does not tell.
        """


def _path_of(target: str) -> str:
    """The path of an absolute target, as forward proxies send it."""
    try:
        return urlsplit(target).path
    except ValueError:
        return ""
