"""Standard Webhooks' own libraries for other languages, as programs that check our signatures.

Each reads lines ``{"secret", "headers", "body"}`` and answers ``ok``, or what it has against one.
The sources of the programs are in ``webhooks``; npm and Go fetch the libraries, at the versions
that are written there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.testkit.cache import ServerMissing, cached, filled, run, user_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOURCES = Path(__file__).parent / "webhooks"


@dataclass(frozen=True, slots=True)
class Library:
    """One language's libraries; ``tool`` builds them, ``files`` are what that depends on."""

    name: str
    version: str
    tool: str
    files: tuple[str, ...]

    def here(self) -> str | None:
        """The version, if it was built before."""
        found = cached(self._folder(), self._stamp(), root=user_cache())
        return self.version if found is not None and shutil.which(self.tool) else None

    def fetch(self) -> str:
        """Build it if it is not there, and return the version; raises ServerMissing."""
        self._built()
        return self.version

    def verdicts(self, messages: Sequence[dict[str, Any]], package: str = "") -> list[str]:
        """What the library (npm: of this package) says to each message; raises ServerMissing."""
        folder = self._built()
        argv = [str(folder / "verify")]
        if self.tool == "npm":
            argv = ["node", str(_SOURCES / "verify.mjs"), package, str(folder)]
        lines = "".join(json.dumps(message) + "\n" for message in messages)
        done = subprocess.run(argv, input=lines, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def _built(self) -> Path:
        remedy = f"Put {self.tool} on PATH, with its package registry in reach"
        if shutil.which(self.tool) is None:
            raise ServerMissing(self.name, f"{self.tool} is not on PATH", remedy)
        try:
            return filled(self._folder(), self._stamp(), self._build, root=user_cache())
        except (RuntimeError, OSError) as error:
            raise ServerMissing(self.name, str(error), remedy) from None

    def _build(self, folder: Path) -> None:
        for name in self.files:
            shutil.copy(_SOURCES / name, folder)
        if self.tool == "npm":
            run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder)
            return
        off = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
        run(["go", "build", "-trimpath", "-o", "verify", "."], cwd=folder, env=off)

    def _folder(self) -> str:
        return f"servers/webhooks-{self.tool}-{self._stamp()[:12]}"

    def _stamp(self) -> str:
        content = b"\n".join((_SOURCES / name).read_bytes() for name in self.files)
        return hashlib.sha256(content).hexdigest()


NPM = Library("Webhooks-npm", "1.1.1", "npm", ("package.json",))
GO = Library("Webhooks-Go", "0.0.1", "go", ("go.mod", "go.sum", "main.go"))
LIBRARIES = (NPM, GO)
