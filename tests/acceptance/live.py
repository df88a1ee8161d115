"""A component that is watched live: model server, sidecar and detector as real processes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.acceptance.program import Program, evenhand
from tests.testkit.http import answers
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Watched:
    """Ask at ``address``; ``sidecar`` is to be stopped when all was asked."""

    address: str
    sidecar: Program
    folder: Path

    def findings(self, **wanted: str) -> list[dict[str, Any]]:
        """The newest revision of each finding with these values, by window."""
        query = "SELECT body FROM findings ORDER BY window_number, revision"
        with closing(sqlite3.connect(self.folder / "state.sqlite")) as connection:
            bodies = [json.loads(body) for (body,) in connection.execute(query)]
        newest = {body["id"]: body for body in bodies}
        return [one for one in newest.values() if wanted.items() <= one.items()]


def measure(folder: Path, component: str, reference: Path) -> None:
    """Make ``profile.json`` of reference rows, as this component (YAML) reads them."""
    (folder / "offline.yaml").write_text(component)
    run(folder, "baseline", reference, "--component", "offline.yaml", "-o", "profile.json")


@contextmanager
def watched(folder: Path, component: str, model: str) -> Iterator[Watched]:
    """Watch a component (YAML of namespace ``shop``); ``model`` is a module that serves."""
    (folder / "component.yaml").write_text(component)
    (folder / "keys").mkdir()
    (folder / "keys" / "shop.key").write_text("0f" * 32)
    (folder / "settings.yaml").write_text(f"privacy: {{keyDirectory: {folder / 'keys'}}}\n")
    database = ("--database", f"sqlite:///{folder / 'state.sqlite'}")
    run(folder, "migrate", *database)
    port = free_port()
    with ExitStack() as stack:
        upstream = stack.enter_context(_served(folder, model))
        sidecar = _start(
            stack, folder, "collect", "--upstream", upstream, "--port", port, "--admin-port",
            free_port(), "--drain-seconds", 0.1, "--state-dir", folder / "state",
        )  # fmt: skip
        _start(stack, folder, "detect", *database)
        yield Watched(f"http://127.0.0.1:{port}", sidecar, folder)


def run(folder: Path, *arguments: object) -> None:
    """``evenhand ARGUMENTS`` to its end."""
    argv = [sys.executable, "-m", "governance.service.cli.main", *map(str, arguments)]
    subprocess.run(argv, check=True, capture_output=True, cwd=folder)


@contextmanager
def _served(folder: Path, module: str) -> Iterator[str]:
    """The model server, as HOST:PORT."""
    port = free_port()
    argv = [sys.executable, "-m", module, "--port", str(port)]
    process = ServerProcess(argv, folder / "model.log")
    try:
        process.start(lambda: answers(f"http://127.0.0.1:{port}/ready"))
        yield f"127.0.0.1:{port}"
    finally:
        process.stop()


def _start(stack: ExitStack, folder: Path, *arguments: object) -> Program:
    bus = ("--bus", f"file:{folder / 'bus'}")
    common = ("--components", folder / "component.yaml", "--config", folder / "settings.yaml")
    return stack.enter_context(evenhand(folder, str(arguments[0]), *arguments, *bus, *common))
