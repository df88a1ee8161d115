"""A small model server: Open Inference Protocol V2 over HTTP in front of the census model.

    python -m governance.service.demo.model_server --port PORT

One tensor per feature, shape [n]; answers ``prediction`` (INT64) and ``probability`` (FP64).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response

from governance.service.demo.census import FEATURES, MODEL_NAME, MODEL_VERSION, fitted_model

if TYPE_CHECKING:
    from governance.service.demo.model import CensusModel


def build_app(model: CensusModel) -> FastAPI:
    """Routes of the protocol that a client of one model needs."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/v2/health/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/v2/models/{name}/infer")
    async def infer(name: str, request: Request) -> Response:
        if name != MODEL_NAME:
            return _json(404, {"error": f"no model {name!r}; there is {MODEL_NAME!r}"})
        try:
            body = msgspec.json.decode(await request.body())
            features = _features(body)
            request_id = body.get("id")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return _json(400, {"error": f"inputs cannot be read: {error}"})
        return _json(200, _answer(request_id, model.probability(features)))

    return app


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def _features(body: dict[str, Any]) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    tensors = {tensor["name"]: tensor["data"] for tensor in body["inputs"]}
    return {name: np.asarray(tensors[name], dtype=np.int64) for name in FEATURES}


def _answer(
    request_id: str | None, probability: np.ndarray[Any, np.dtype[np.float64]]
) -> dict[str, Any]:
    n = len(probability)
    prediction = (probability >= 0.5).astype(int)
    answer: dict[str, Any] = {
        "model_name": MODEL_NAME,
        "model_version": MODEL_VERSION,
        "outputs": [
            _tensor("prediction", "INT64", n, prediction.tolist()),
            _tensor("probability", "FP64", n, probability.round(6).tolist()),
        ],
    }
    return answer if request_id is None else {"id": request_id, **answer}


def _tensor(name: str, datatype: str, n: int, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [n], "data": values}


def main() -> None:
    """Fit, then serve until the process is told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    uvicorn.run(build_app(fitted_model()), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
