"""A server that is a Python package, in a virtual environment that clones share.

``pins/<name>.txt`` says what is asked for, ``pins/<name>.constraints.txt`` what came along, and
``pins/<name>.alone.txt``, where there is one, what is installed without what it asks for; other
pins make another environment. Its Python runs the scripts of ``inside``, which is how a server is
told to listen on loopback only.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testkit.cache import ServerMissing, cached, filled, run, user_cache

if TYPE_CHECKING:
    from collections.abc import Mapping

INSIDE = Path(__file__).parent / "inside"
_PINS = Path(__file__).parent / "pins"


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment of one server; ``pins`` names its files.

    ``compiled_with`` are variables for what is compiled, and ``needs`` the programs that do it.
    """

    server: str
    pins: str
    compiled_with: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def here(self) -> str | None:
        """The server's version, if the environment is there; nothing is fetched."""
        found = cached(self._folder(), self._stamp(), root=user_cache())
        return None if found is None else self.version()

    def fetch(self) -> str:
        """Build it if it is not there, and return the version; raises ServerMissing."""
        self.program()
        return self.version()

    def program(self) -> Path:
        """Its Python, built if it is not there; raises ServerMissing."""
        try:
            folder = filled(self._folder(), self._stamp(), self._build, root=user_cache())
        except (RuntimeError, OSError) as error:
            remedy = f"Look at the package index of pip, and at {self._asked()}"
            raise ServerMissing(self.server, str(error), remedy) from None
        return folder / "bin/python"

    def version(self) -> str:
        """The version of what is asked for first."""
        return self._asked().read_text().splitlines()[0].partition("==")[2]

    def _build(self, folder: Path) -> None:
        """Only ``bin/python`` is used: the other programs name the folder before it was renamed.

        Nothing is compiled in advance: most of what comes along is never imported.
        """
        self._check_needs()
        run([sys.executable, "-m", "venv", str(folder)])
        quiet = ["--quiet", "--disable-pip-version-check", "--no-compile"]
        pip = [str(folder / "bin/python"), "-m", "pip", "install", *quiet]
        pins = ["--requirement", str(self._asked()), "--constraint", str(self._came())]
        run([*pip, *pins], env=self.compiled_with)
        if self._alone().exists():
            run([*pip, "--no-deps", "--requirement", str(self._alone())])

    def _check_needs(self) -> None:
        absent = [program for program in self.needs if shutil.which(program) is None]
        if absent:
            raise RuntimeError(f"it is compiled here, and there is no {', '.join(absent)}")

    def _folder(self) -> str:
        return f"servers/{self.pins}-{self._stamp()[:12]}"

    def _stamp(self) -> str:
        texts = [sys.version, self._asked().read_text(), self._came().read_text()]
        if self._alone().exists():
            texts += [self._alone().read_text(), *map(str, self.compiled_with.items())]
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()

    def _asked(self) -> Path:
        return _PINS / f"{self.pins}.txt"

    def _came(self) -> Path:
        return _PINS / f"{self.pins}.constraints.txt"

    def _alone(self) -> Path:
        return _PINS / f"{self.pins}.alone.txt"
