"""Real model servers on loopback: MLServer, KServe's Python ModelServer, and one of OpenAI's kind.

Each of the first two serves three models that its own script in ``inside`` defines: ``iris`` (a
classifier, trained there), ``echo`` (says what it was told, whatever the datatypes) and ``broken``
(fails); MLServer also ``words`` (streams the words of a text). The third is llama-cpp-python with
the weights of SmolLM2-135M; it is compiled once, which takes six minutes: only long tests use it.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testkit.environments import INSIDE, Environment
from tests.testkit.http import answers
from tests.testkit.ports import accepts, free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MLSERVER = Environment("MLServer", "mlserver")
KSERVE = Environment("KServe", "kserve")
ENVIRONMENTS = (MLSERVER, KSERVE)
_COMPILED_WITH = {
    "CMAKE_BUILD_PARALLEL_LEVEL": "1",
    "CMAKE_ARGS": "-DGGML_NATIVE=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF"
    " -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF",
}
OPENAI = Environment("llama-cpp-python OpenAI", "openai", _COMPILED_WITH, ("cc", "c++"))

_READY_SECONDS = 120.0  # 6 to 13 s alone; a busy machine shares its cores


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A running model server."""

    http_port: int
    grpc_port: int  # 0 where there is none
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
def start_openai(*flags: str) -> Iterator[ModelServer]:
    """llama-cpp-python with SmolLM2; ``--interrupt``: a second request cuts a running stream."""
    program, port = OPENAI.program(), free_port()
    argv = [str(program), str(INSIDE / "serve_openai.py"), str(port), *flags]
    ready = partial(answers, f"http://127.0.0.1:{port}/v1/models")
    with _folder() as folder, _running(argv, folder, ready) as process:
        yield ModelServer(port, 0, process)


@contextmanager
def _started(environment: Environment, script: str) -> Iterator[ModelServer]:
    http_port, grpc_port = free_port(), free_port()
    program, ports = environment.program(), (str(http_port), str(grpc_port))
    with _folder() as folder:
        argv = [str(program), str(INSIDE / script), str(folder), *ports]
        with _running(argv, folder, lambda: _ready(http_port, grpc_port)) as process:
            yield ModelServer(http_port, grpc_port, process)


@contextmanager
def _running(argv: list[str], folder: Path, ready: Callable[[], bool]) -> Iterator[ServerProcess]:
    process = ServerProcess(argv, folder / "log", cwd=folder)
    try:
        process.start(ready, _READY_SECONDS)
        yield process
    finally:
        process.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="model-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ready(http_port: int, grpc_port: int) -> bool:
    return answers(f"http://127.0.0.1:{http_port}/v2/health/ready") and accepts(grpc_port)
