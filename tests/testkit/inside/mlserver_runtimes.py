"""Runtimes that MLServer loads beside its own for scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Echo(MLModel):  # type: ignore[misc] # has no types here
    """Says what it was told."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        outputs = [
            ResponseOutput(name=one.name, shape=one.shape, datatype=one.datatype, data=one.data)
            for one in payload.inputs
        ]
        return self._answer(payload, outputs)

    def _answer(self, payload: InferenceRequest, outputs: list[Any]) -> InferenceResponse:
        return InferenceResponse(
            id=payload.id, model_name=self.name, model_version=self.version, outputs=outputs
        )


class Broken(MLModel):  # type: ignore[misc] # has no types here
    """Fails as a bug would."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        raise RuntimeError(f"the model broke on {len(payload.inputs)} inputs")


class Words(Echo):
    """Streams the words of a text, one answer a word."""

    async def predict_stream(
        self, payloads: AsyncIterator[InferenceRequest]
    ) -> AsyncIterator[InferenceResponse]:
        async for payload in payloads:
            (text,) = StringCodec.decode_input(payload.inputs[0])
            for word in text.split(" "):
                yield self._answer(payload, [StringCodec.encode_output("words", [f"{word} "])])
