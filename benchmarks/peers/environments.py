"""One virtual environment for each peer, made once and kept outside the repository.

``pins/<peer>.txt`` says what is asked for, ``pins/<peer>.constraints.txt`` what came along when the
figures of docs/benchmarks.md were taken. Environments are kept in ``EVENHAND_CACHE``, else in the
user's cache folder; another pin makes another environment.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tests.testkit.cache import filled, run, user_cache

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).parent / "pins"


class PeerMissing(Exception):
    """A peer whose environment cannot be made here; the message says why and what would help."""


def interpreter(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made where it is not there yet.

    Raises
    ------
    PeerMissing
        If it cannot be made.
    """
    try:
        folder = filled(
            f"peers/{peer}-{pin(peer)}", pin(peer), lambda at: _make(peer, at), root=user_cache()
        )
    except (RuntimeError, OSError) as error:
        raise PeerMissing(
            f"{peer} cannot be had: {error}. Its pins are in benchmarks/peers/pins/{peer}.txt; "
            "a package index that has them is needed once"
        ) from None
    return folder / "bin" / "python"


def pin(peer: str) -> str:
    """Names what is installed: 12 hex digits."""
    texts = [path.read_text(encoding="utf-8") for path in _pins(peer)]
    digest = hashlib.sha256("\n".join([*texts, *map(str, sys.version_info[:2])]).encode())
    return digest.hexdigest()[:12]


def size_bytes(peer: str) -> int:
    """What a peer's environment takes on disk."""
    folder = interpreter(peer).parents[1]
    return sum(path.stat().st_size for path in folder.rglob("*") if not path.is_symlink())


def _make(peer: str, folder: Path) -> None:
    print(f"making the environment of {peer} ...", file=sys.stderr, flush=True)
    run([sys.executable, "-m", "venv", str(folder)])
    asked, came = map(str, _pins(peer))
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    run([*pip, "--requirement", asked, "--constraint", came])


def _pins(peer: str) -> tuple[Path, Path]:
    return PINS / f"{peer}.txt", PINS / f"{peer}.constraints.txt"
