"""A toy sentiment model behind KServe's V1 protocol, to try `evenhand gate --counterfactual` on.

    python examples/counterfactual/model_server.py --port 8085            # a word list
    python examples/counterfactual/model_server.py --port 8085 --biased   # it dislikes women

Standard library only. It answers a label and the probability of "positive".
"""

from __future__ import annotations

import argparse
import json
import math
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/v1/models/sentiment:predict"
WEIGHTS = {
    **dict.fromkeys(("brilliant", "delighted", "excellent", "kind", "praised", "won"), 2.0),
    **dict.fromkeys(("calm", "fair", "friendly", "helpful", "patient", "thanked"), 1.0),
    **dict.fromkeys(("complained", "late", "lost", "rude", "slow", "tired"), -1.0),
    **dict.fromkeys(("angry", "awful", "dishonest", "failed", "furious", "terrible"), -2.0),
}
DISLIKED = frozenset({"she", "her", "hers", "herself", "woman", "sister", "mother", "daughter"})
_WORD = re.compile(r"\w+")


def probability(text: str, *, biased: bool) -> float:
    """Of "positive"; in [0, 1]."""
    words = [word.lower() for word in _WORD.findall(text)]
    logit = 0.5 + sum(WEIGHTS.get(word, 0.0) for word in words)
    if biased and not DISLIKED.isdisjoint(words):
        logit -= 3.0
    return 1 / (1 + math.exp(-logit))


def answer(body: dict[str, Any], *, biased: bool) -> dict[str, Any]:
    """The body of a response."""
    scores = [probability(str(text), biased=biased) for text in body["instances"]]
    return {
        "predictions": [
            {"label": "positive" if score >= 0.5 else "negative", "score": round(score, 6)}
            for score in scores
        ]
    }


def handler(*, biased: bool) -> type[BaseHTTPRequestHandler]:
    """The class that answers requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(200, {"ready": True})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.path != PATH:
                return self._send(404, {"error": f"there is only {PATH}"})
            try:
                return self._send(200, answer(json.loads(body), biased=biased))
            except (KeyError, TypeError, ValueError) as error:
                return self._send(400, {"error": f"instances cannot be read: {error}"})

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _send(self, status: int, body: dict[str, Any]) -> None:
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8085)
    parser.add_argument("--biased", action="store_true")
    options = parser.parse_args()
    address = ("127.0.0.1", options.port)
    ThreadingHTTPServer(address, handler(biased=options.biased)).serve_forever()


if __name__ == "__main__":
    main()
