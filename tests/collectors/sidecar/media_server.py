"""Small models that see and hear, behind three interfaces.

    python -m tests.collectors.sidecar.media_server --port PORT

Of pictures the nearest of scikit-learn's handwritten digits is told, of recordings the loudest
frequency. ``/v1/models/digits:predict`` takes ``{"b64": PNG}``, ``/v1/audio/transcriptions`` a form
with a file, ``/v1/chat/completions`` a message with one of each.
"""

from __future__ import annotations

import argparse
import base64
import io
from email import message_from_bytes
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from PIL import Image
from sklearn.datasets import load_digits

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 8  # pixels of scikit-learn's digits
FULL = 16.0  # their white


def reading() -> Callable[[bytes], int]:
    """Which digit a picture shows."""
    pixels, digits = load_digits(return_X_y=True)

    def read(raw: bytes) -> int:
        with Image.open(io.BytesIO(raw)) as picture:
            small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
        distance = np.square(pixels / FULL - np.asarray(small).ravel() / 255.0).sum(axis=1)
        return int(digits[distance.argmin()])

    return read


def heard(raw: bytes) -> str:
    """The loudest frequency of a recording, in words."""
    samples, rate = soundfile.read(io.BytesIO(raw), always_2d=True)
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    return f"{np.argmax(spectrum) * rate / len(samples):.0f} hertz"


def build_app() -> FastAPI:
    """What cannot be decoded is answered with 422, as model servers do."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    seen = reading()

    @app.get("/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/v1/models/digits:predict")
    async def predict(body: dict[str, Any]) -> dict[str, Any]:
        return {"predictions": [_or_422(seen, _bytes(one["b64"])) for one in body["instances"]]}

    @app.post("/v1/audio/transcriptions")
    async def transcribe(request: Request) -> dict[str, Any]:
        head = b"Content-Type: %s\r\n\r\n" % request.headers["content-type"].encode()
        (raw,) = (
            bytes(part.get_payload(decode=True))
            for part in message_from_bytes(head + await request.body()).walk()
            if part.get_filename()
        )
        return {"text": _or_422(heard, raw)}

    @app.post("/v1/chat/completions")
    async def chat(body: dict[str, Any]) -> dict[str, Any]:
        parts = {part["type"]: part[part["type"]] for part in body["messages"][-1]["content"]}
        digit = _or_422(seen, _bytes(parts["image_url"]["url"].partition(",")[2]))
        words = f"The digit {digit}, and {_or_422(heard, _bytes(parts['input_audio']['data']))}."
        message = {"role": "assistant", "content": words}
        usage = {"prompt_tokens": 10, "completion_tokens": len(words.split())}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "chat-1", "choices": [choice], "usage": usage}

    return app


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


def _or_422(model: Callable[[bytes], Any], raw: bytes) -> Any:
    try:
        return model(raw)
    except Exception as error:  # noqa: BLE001 - a decoder may fail in any way
        raise HTTPException(422, str(error)) from None


def main() -> None:
    """Serve until the process is told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(build_app(), host="127.0.0.1", port=parser.parse_args().port, log_level="warning")


if __name__ == "__main__":
    main()
