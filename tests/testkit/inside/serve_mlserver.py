"""Runs in the environment of MLServer: train, write settings, serve on loopback.

python serve_mlserver.py FOLDER HTTP_PORT GRPC_PORT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import joblib
from mlserver.cli import main
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

MODELS = {
    "iris": "mlserver_sklearn.SKLearnModel",
    "echo": "mlserver_runtimes.Echo",
    "broken": "mlserver_runtimes.Broken",
    "words": "mlserver_runtimes.Words",
}


def write_settings(folder: Path, http_port: int, grpc_port: int) -> None:
    """One process (workers crash with recent uvloop), no metrics port, loopback only."""
    settings = {
        "host": "127.0.0.1",
        "http_port": http_port,
        "grpc_port": grpc_port,
        "metrics_endpoint": None,
        "parallel_workers": 0,
        "debug": False,
        "gzip_enabled": False,  # MLServer's own does not stream
    }
    (folder / "settings.json").write_text(json.dumps(settings))


def write_models(folder: Path) -> None:
    """A folder of settings for each model; the classifier is trained."""
    for name, implementation in MODELS.items():
        (folder / name).mkdir()
        parameters: dict[str, str] = {"version": "v7"}
        if name == "iris":
            model = LogisticRegression(max_iter=1_000).fit(*load_iris(return_X_y=True))
            joblib.dump(model, folder / name / "model.joblib")
            parameters["uri"] = "./model.joblib"
        settings = {"name": name, "implementation": implementation, "parameters": parameters}
        (folder / name / "model-settings.json").write_text(json.dumps(settings))


if __name__ == "__main__":
    served = Path(sys.argv[1])
    write_settings(served, int(sys.argv[2]), int(sys.argv[3]))
    write_models(served)
    sys.argv = ["mlserver", "start", str(served)]
    sys.exit(main())
