"""Builds ``kubebox``: Kubernetes' API server, etcd and controller manager as one program.

The Go module in ``kubebox/`` pins every source by its checksum; nothing of it is kept here. The
program lies in the folder that clones share, under a hash of all that it is made from: a build
takes 4 minutes and 3 GB of memory on two idle cores, a second one nothing.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path

from tests.testkit.cache import ServerMissing, cached, filled, run, user_cache

NAME = "Kubernetes"
VERSION = "1.37.2"

_MODULE = Path(__file__).parent / "kubebox"
_SOURCES = ("go.mod", "go.sum", "main.go", "kubelet.go")
_GIT = f"gitVersion=v{VERSION} gitMajor=1 gitMinor=37 gitCommit=v{VERSION} gitTreeState=clean"
_STAMPED = " ".join(
    f"-X k8s.io/component-base/version.{value}"
    for value in (*_GIT.split(), "buildDate=1970-01-01T00:00:00Z")
)
_FLAGS = ("-p", "2", "-trimpath", f"-ldflags=-s -w {_STAMPED}")
_REMEDY = (
    "Put Go 1.26 or newer on PATH, with a module proxy in reach, and run make test-cluster: it "
    "wants 5 GB of disk, 3 GB of memory and 4 to 9 minutes, once"
)


def here() -> str | None:
    """The version, if the program was built before."""
    if shutil.which("go") is None:
        return None
    return VERSION if cached(_folder(), _stamp(), root=user_cache()) else None


def fetch() -> str:
    """Build it if it is not there, and return the version; raises ServerMissing."""
    program()
    return VERSION


def program() -> Path:
    """The program, built if it is not there; raises ServerMissing."""
    if shutil.which("go") is None:
        raise ServerMissing(NAME, "go is not on PATH", _REMEDY)
    try:
        return filled(_folder(), _stamp(), _build, root=user_cache()) / "kubebox"
    except (RuntimeError, OSError) as error:
        raise ServerMissing(NAME, str(error), _REMEDY) from None


def _build(folder: Path) -> None:
    out = str(folder / "kubebox")
    run(
        ["nice", "-n", "10", "go", "build", *_FLAGS, "-o", out, "."],
        cwd=_MODULE,
        env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
    )


def _folder() -> str:
    return f"servers/kubebox-{_stamp()[:12]}"


@cache
def _stamp() -> str:
    digest = hashlib.sha256(run(["go", "version"]).encode())
    for source in _SOURCES:
        digest.update((_MODULE / source).read_bytes())
    digest.update(" ".join(_FLAGS).encode())
    return digest.hexdigest()
