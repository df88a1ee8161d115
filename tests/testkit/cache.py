"""The folder that fetched servers are kept in, and what to say where one cannot be had.

``EVENHAND_CACHE`` names another folder than ``.cache`` in the repository. A folder in it is
filled once: under a file lock, into a fresh place that is renamed when it is whole, and stamped.
What is too large for every clone is kept in ``user_cache``, which clones share.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_STAMP = "stamp"


class ServerMissing(Exception):
    """A server that cannot be had here; the message says why and what would help."""

    def __init__(self, server: str, why: str, remedy: str) -> None:
        self.server = server
        super().__init__(f"{server} cannot be had: {why}. {remedy}")


def cache_root() -> Path:
    """The folder of fetched servers."""
    named = os.environ.get("EVENHAND_CACHE")
    return Path(named) if named else _REPOSITORY / ".cache"


def user_cache() -> Path:
    """The folder of what clones share: outside the repository unless ``EVENHAND_CACHE`` says so."""
    named, user = os.environ.get("EVENHAND_CACHE"), os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else (Path(user) if user else Path.home() / ".cache") / "evenhand"


def cached(name: str, stamp: str, *, root: Path | None = None) -> Path | None:
    """The folder ``name`` if it was filled under this stamp; ``root`` is that of servers."""
    folder = (root or cache_root()) / name
    try:
        return folder if (folder / _STAMP).read_text() == stamp else None
    except OSError:
        return None


def filled(
    name: str, stamp: str, fill: Callable[[Path], None], *, root: Path | None = None
) -> Path:
    """Return the folder ``name``, filled by ``fill`` unless its stamp says that it is."""
    folder = (root or cache_root()) / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        if cached(name, stamp, root=root) is None:
            fresh = folder.with_suffix(".partial")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            fill(fresh)
            (fresh / _STAMP).write_text(stamp)
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
    return folder


def run(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] = {}) -> str:
    """Run a fetching command quietly; raises RuntimeError with the end of what it said."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={**os.environ, **env},
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise RuntimeError(f"{argv[0]}: {error}") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-600:]
        raise RuntimeError(f"{' '.join(argv[:3])} ... ended with {done.returncode}: {said}")
    return done.stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
