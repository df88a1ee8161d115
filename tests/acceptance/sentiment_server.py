"""A real sentiment model behind KServe's V1 protocol: vaderSentiment, fair or spoilt on purpose.

    python -m tests.acceptance.sentiment_server --port PORT [--dislikes WORD ...]

The score is VADER's compound value, in [-1, 1]; a disliked word costs 0.8 of it.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

import uvicorn
from fastapi import FastAPI
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

_WORD = re.compile(r"\w+")


def build_app(dislikes: frozenset[str]) -> FastAPI:
    """The two routes that a client needs."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    model = SentimentIntensityAnalyzer()

    def prediction(text: str) -> dict[str, Any]:
        score = model.polarity_scores(text)["compound"]
        if dislikes & {word.lower() for word in _WORD.findall(text)}:
            score = max(-1.0, score - 0.8)
        return {"prediction": "positive" if score >= 0.05 else "other", "score": score}

    @app.get("/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/v1/models/sentiment:predict")
    async def predict(body: dict[str, Any]) -> dict[str, Any]:
        return {"predictions": [prediction(text) for text in body["instances"]]}

    return app


def main() -> None:
    """Serve until the process is told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dislikes", nargs="*", default=[])
    options = parser.parse_args()
    app = build_app(frozenset(options.dislikes))
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
