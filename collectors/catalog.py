"""The protocols that capture knows, in the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.protocols.kserve_v1 import KServeV1
from collectors.protocols.kserve_v2 import KServeV2
from collectors.protocols.kserve_v2_generate import KServeV2Generate
from collectors.protocols.kserve_v2_grpc import KServeV2Grpc
from collectors.protocols.openai_chat import OPENAI_CHAT
from collectors.protocols.openai_completions import OPENAI_COMPLETIONS
from collectors.protocols.openai_embeddings import OPENAI_EMBEDDINGS
from collectors.protocols.openai_moderations import OPENAI_MODERATIONS
from collectors.protocols.openai_responses import OPENAI_RESPONSES
from collectors.protocols.openai_transcription import OPENAI_TRANSCRIPTION
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.base import InferenceProtocol

PROTOCOLS: tuple[InferenceProtocol, ...] = (
    KServeV1(),
    KServeV2(),
    KServeV2Generate(),
    KServeV2Grpc(),
    OPENAI_CHAT,
    OPENAI_COMPLETIONS,
    OPENAI_RESPONSES,
    OPENAI_EMBEDDINGS,
    OPENAI_MODERATIONS,
    OPENAI_TRANSCRIPTION,
)


def protocols_named(names: Sequence[str]) -> tuple[InferenceProtocol, ...]:
    """The protocols that ``spec.capture.protocols`` lists; all where it lists none.

    Raises
    ------
    ConfigError
        If a name is not in the catalog.
    """
    known = {protocol.name: protocol for protocol in PROTOCOLS}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"spec.capture.protocols: {name!r} is not known; known are {', '.join(known)}"
            )
    return tuple(known[name] for name in names) or PROTOCOLS


def find_protocol(
    protocols: Sequence[InferenceProtocol], method: str, path: str
) -> InferenceProtocol | None:
    """The first protocol that calls this method and path an inference."""
    return next((p for p in protocols if p.matches(method, path)), None)
