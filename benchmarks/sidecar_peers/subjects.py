"""What stands between client and model, each started on the core that is not the client's."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.environments import interpreter
from benchmarks.sidecar_peers import agent
from collectors.sidecar.counters import Counters, Pump, Reader
from tests.testkit.http import answers
from tests.testkit.ports import accepts, free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: loans, namespace: bank}
spec:
  model: {name: loans, version: "1", modality: [tabular]}
  governance: {dataPrivacy: {level: open}}
"""
_FORWARDERS = Path(__file__).parent / "forwarders"


@dataclass(frozen=True)
class Subject:
    """One of them: where clients find it, its processes, and, if it is ours, its counts."""

    port: int
    pids: tuple[int, ...]
    counters: Counters | None = None

    @property
    def seen(self) -> int:
        """Requests that our sidecar has seen to their end."""
        return 0 if self.counters is None else self.counters.pump[Pump.OBSERVED]

    @property
    def captured(self) -> int:
        """Those of them that became events."""
        return 0 if self.counters is None else self.counters.reader(Reader.CAPTURED_REQUESTS)


@contextlib.contextmanager
def started(
    argv: Sequence[str], folder: Path, ready: Callable[[], bool], core: int | None = None
) -> Iterator[int]:
    """A process, on a core; its id."""
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    process = ServerProcess([*pinned, *argv], folder / "log")
    try:
        process.start(ready)
        yield process.pid
    finally:
        process.stop()


@contextlib.contextmanager
def module(folder: Path, name: str, port: int, *arguments: object) -> Iterator[None]:
    """A module of this tree that serves a port, on the core of the client."""
    argv = [sys.executable, "-m", name, str(port), *map(str, arguments)]
    with started(argv, folder, lambda: accepts(port)):
        yield


@contextlib.contextmanager
def model(folder: Path) -> Iterator[int]:
    """The server that answers; its port."""
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.load", "--serve", f"--port={port}"]
    with started(argv, folder, lambda: accepts(port)):
        yield port


@contextlib.contextmanager
def sidecar(folder: Path, core: int, upstream: int, bus: str) -> Iterator[Subject]:
    """Evenhand's: both bodies become events, which go to the bus."""
    (folder / "component.yaml").write_text(COMPONENT)
    port, admin, state = free_port(), free_port(), folder / "state"
    flags = ["--upstream", f"127.0.0.1:{upstream}", "--port", str(port)]
    flags += ["--admin-port", str(admin), "--components", str(folder / "component.yaml")]
    flags += ["--bus", bus, "--state-dir", str(state), "--drain-seconds", "0"]
    program = [sys.executable, "-m", "governance.service.cli.main", "collect", *flags]
    ready = f"http://127.0.0.1:{admin}/readyz"
    with started(program, folder, lambda: answers(ready), core) as pump:
        (reader,) = Path(f"/proc/{pump}/task/{pump}/children").read_text().split()
        yield Subject(port, (pump, int(reader)), Counters.open(state / "counters"))


@contextlib.contextmanager
def forwarder(folder: Path, core: int, upstream: int, script: str) -> Iterator[Subject]:
    """A proxy that only forwards."""
    port = free_port()
    argv = [interpreter("forwarders"), _FORWARDERS / script, port, upstream]
    with started(list(map(str, argv)), folder, lambda: accepts(port), core) as pid:
        yield Subject(port, (pid,))


@contextlib.contextmanager
def kserve_agent(folder: Path, core: int, upstream: int, sink: int) -> Iterator[Subject]:
    """KServe's agent: both bodies become events, which go to the sink."""
    port = free_port()
    argv = agent.command(port, upstream, sink)
    with started(argv, folder, lambda: accepts(port), core) as pid:
        yield Subject(port, (pid,))
