"""A real MLflow: its tracking server with the model registry, over SQLite, on loopback."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testkit.environments import Environment
from tests.testkit.http import answers
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

MLFLOW = Environment("MLflow", "mlflow")

_READY_SECONDS = 300.0  # half a minute to a minute alone
_QUIET = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


@contextmanager
def start_mlflow() -> Iterator[str]:
    """A server for the length of the block; gives its address. Raises ServerMissing."""
    program = MLFLOW.program()
    folder = Path(tempfile.mkdtemp(prefix="mlflow-"))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = [f"{name}={value}" for name, value in _QUIET.items()]
    server = ["-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder / 'm.db'}"]
    place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    artifacts = ["--default-artifact-root", str(folder / "artifacts")]
    path = f"PATH={program.parent}:/usr/bin:/bin"  # it starts uvicorn by its name
    argv = ["env", path, *settings, str(program), *server, *artifacts, *place]
    process = ServerProcess(argv, folder / "log", cwd=folder)
    try:
        process.start(lambda: answers(f"{url}/health"), _READY_SECONDS)
        yield url
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)
