"""Evidently in an environment of its own, kept outside the repository: it is hundreds of megabytes.

``COMMAND`` builds it once, in ``$EVENHAND_CACHE`` or the user's cache
folder, where the next clone finds it. It holds what ``evenhand[evidently]`` requires and not
Evenhand itself: the tests that start it say which tree they mean.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tests.testkit.cache import ServerMissing, cached, filled, run, user_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "Evidently"
COMMAND = "python -m tests.testkit evidently"

ROOT = Path(__file__).resolve().parent.parent.parent
_EXTRAS = ("evidently", "media", "parquet")
_FOLDER = "evidently"
_DECISIVE = ("evidently", "numpy", "pandas", "scikit-learn", "scipy")  # they make its numbers


def here() -> str | None:
    """Evidently's version, if the environment is there; nothing is fetched."""
    return None if cached(_FOLDER, _stamp(), root=user_cache()) is None else _version()


def fetch() -> str:
    """Build the environment if it is not there, and return the version; raises ServerMissing."""
    try:
        filled(_FOLDER, _stamp(), _build, root=user_cache())
    except RuntimeError as error:
        raise ServerMissing(NAME, str(error), "Look at the package index of pip") from None
    return _version()


def program() -> Path:
    """The Python of the environment; raises ServerMissing if it was not built."""
    folder = cached(_FOLDER, _stamp(), root=user_cache())
    if folder is None:
        raise ServerMissing(NAME, "its environment is not built", f"Build it: {COMMAND}")
    return folder / "bin/python"


class WithEvidently(Protocol):
    """Runs ``python ARGUMENTS`` in the environment."""

    def __call__(self, arguments: Sequence[str | Path]) -> subprocess.CompletedProcess[str]: ...


def run_with_evidently(arguments: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run this tree's code in the environment, ``python ARGUMENTS``; raises ServerMissing."""
    return subprocess.run(
        [program(), *map(str, arguments)],
        cwd=ROOT,
        env=_environment(),
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def run_here(arguments: Sequence[str]) -> int:
    """The same on this terminal; the exit code."""
    argv = [str(program()), *arguments]
    return subprocess.run(argv, cwd=ROOT, env=_environment(), check=False).returncode


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in _EXTRAS for each in project["optional-dependencies"][extra]]
    return [*project["dependencies"], *extras]


def _stamp() -> str:
    content = "\n".join([sys.version, *_requirements(), *map(str, _pins().items())])
    return hashlib.sha256(content.encode()).hexdigest()


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines)
    return {name: pins[name] for name in _DECISIVE}


def _version() -> str:
    return _pins()["evidently"]


def _build(folder: Path) -> None:
    """Only ``bin/python`` is used: the other programs name the folder before it was renamed."""
    run([sys.executable, "-m", "venv", str(folder)])
    quiet = ["--quiet", "--disable-pip-version-check"]
    pins = ["--constraint", str(ROOT / "constraints.txt")]
    run([str(folder / "bin/python"), "-m", "pip", "install", *quiet, *pins, *_requirements()])
