"""The demo's programs: the same ones that a user starts, as child processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.clock import SystemClock
from governance.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START_SECONDS = 60.0
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
# One BLAS thread each: a dozen threads on two cores would only wait for each other.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True)
class Program:
    """A running program and the file that it writes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End it in order; by force where it does not end by itself."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def running(
    folder: Path, name: str, arguments: list[str], ready: Callable[[Program], bool]
) -> Iterator[Program]:
    """Start ``python -m ARGUMENTS``, wait until it is ready, end it with the block.

    Raises
    ------
    TransientError
        If it ends or is not ready in time; the message has the end of its output.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | _ENVIRONMENT,
        )
    program = Program(name, process, log)
    try:
        _wait(program, ready)
        yield program
    finally:
        program.stop()


def says_ready(program: Program) -> bool:
    """For programs that print one line when they are ready."""
    return "ready" in program.said()


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(program: Program, ready: Callable[[Program], bool]) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + START_SECONDS
    while not ready(program):
        late = clock.monotonic() > deadline
        try:
            ended = program.process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            ended = None
        if late or ended is not None:
            why = f"ended with {ended}" if ended is not None else "is not ready in time"
            raise TransientError(f"{program.name} {why}:\n{program.said()[-2_000:]}")
