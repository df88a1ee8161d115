"""Programs of ours as real processes, and waiting for what they bring about."""

from __future__ import annotations

import re
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from tests.testkit.http import answers
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_T = TypeVar("_T")
_ADDRESS = re.compile(r"http://[\w.\[\]:]+")


class Program(ServerProcess):
    """``evenhand COMMAND ...``; ready once it has said so."""

    def begin(self) -> None:
        """Start it, and wait for its one line."""
        self.start(lambda: self.log.exists() and "ready" in self.log.read_text())

    @property
    def address(self) -> str:
        """The first http address in its ready line."""
        found = _ADDRESS.search(self.log.read_text())
        if found is None:
            raise RuntimeError(f"no address in: {self.log.read_text()}")
        return found.group()


@contextmanager
def evenhand(folder: Path, name: str, *arguments: object) -> Iterator[Program]:
    """Run ``evenhand`` while the block runs; its output goes to ``folder/name.log``."""
    argv = [sys.executable, "-m", "governance.service.cli.main", *map(str, arguments)]
    program = Program(argv, folder / f"{name}.log")
    program.begin()
    try:
        yield program
    finally:
        program.stop()


@contextmanager
def model_server(folder: Path) -> Iterator[str]:
    """The demo's model server; gives HOST:PORT."""
    port = free_port()
    argv = [sys.executable, "-m", "governance.service.demo.model_server", "--port", str(port)]
    process = ServerProcess(argv, folder / "model.log")
    try:
        process.start(lambda: answers(f"http://127.0.0.1:{port}/v2/health/ready"))
        yield f"127.0.0.1:{port}"
    finally:
        process.stop()


def eventually(read: Callable[[], _T | None], what: str, seconds: float = 60.0) -> _T:
    """The first value of ``read`` that is true; AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = read()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds:g} s")
