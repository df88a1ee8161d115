"""Real model servers: MLServer, and the KServe Python ModelServer, on loopback.

Each serves three models that its own script in ``inside`` defines: ``iris`` (a classifier, trained
there), ``echo`` (says what it was told, whatever the datatypes) and ``broken`` (fails); MLServer
also ``words`` (streams the words of a text).
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testkit.environments import INSIDE, Environment
from tests.testkit.http import answers
from tests.testkit.ports import accepts, free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

MLSERVER = Environment("MLServer", "mlserver")
KSERVE = Environment("KServe", "kserve")
ENVIRONMENTS = (MLSERVER, KSERVE)

_READY_SECONDS = 120.0  # 6 to 13 s alone; a busy machine shares its cores


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A running model server."""

    http_port: int
    grpc_port: int
    process: ServerProcess


@contextmanager
def start_mlserver() -> Iterator[ModelServer]:
    """MLServer; raises ServerMissing."""
    with _started(MLSERVER, "serve_mlserver.py") as server:
        yield server


@contextmanager
def start_kserve() -> Iterator[ModelServer]:
    """The KServe Python ModelServer; raises ServerMissing."""
    with _started(KSERVE, "serve_kserve.py") as server:
        yield server


@contextmanager
def _started(environment: Environment, script: str) -> Iterator[ModelServer]:
    program = environment.program()
    folder = Path(tempfile.mkdtemp(prefix="model-"))
    http_port, grpc_port = free_port(), free_port()
    arguments = [str(INSIDE / script), str(folder), str(http_port), str(grpc_port)]
    process = ServerProcess([str(program), *arguments], folder / "log", cwd=folder)
    try:
        process.start(lambda: _ready(http_port, grpc_port), _READY_SECONDS)
        yield ModelServer(http_port, grpc_port, process)
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _ready(http_port: int, grpc_port: int) -> bool:
    return answers(f"http://127.0.0.1:{http_port}/v2/health/ready") and accepts(grpc_port)
