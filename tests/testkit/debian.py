"""Debian and Ubuntu packages, unpacked into the cache and not installed."""

from __future__ import annotations

import os
import re
import shutil
from functools import partial
from typing import TYPE_CHECKING

from tests.testkit.cache import cached, filled, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_INST = re.compile(r"^Inst (\S+)", re.MULTILINE)


def unpacked(*packages: str) -> Path | None:
    """The folder that the packages were unpacked into before, or None."""
    return cached(f"debian-{packages[0]}", " ".join(packages))


def unpack(*packages: str, finish: Callable[[Path], None] | None = None) -> Path:
    """Download, unpack, and ``finish`` the folder; raises RuntimeError where apt cannot."""
    return filled(f"debian-{packages[0]}", " ".join(packages), partial(_fetch, packages, finish))


def with_dependencies(package: str, *, without: str) -> list[str]:
    """What ``apt-get install`` would add to this machine, less what matches ``without``."""
    _require_apt()
    simulate = ["apt-get", "install", "--simulate", "--no-install-recommends", package]
    names = set(_INST.findall(_after_update(simulate)))
    return [package, *sorted(n for n in names - {package} if not re.match(without, n))]


def _fetch(packages: Sequence[str], finish: Callable[[Path], None] | None, folder: Path) -> None:
    _require_apt()
    archives = folder / "archives"
    archives.mkdir(mode=0o777)
    _after_update(["apt-get", "download", *packages], cwd=archives)
    for archive in sorted(archives.iterdir()):
        run(["dpkg", "-x", str(archive), str(folder)])
    shutil.rmtree(archives)
    if finish is not None:
        finish(folder)


def _after_update(argv: Sequence[str], *, cwd: Path | None = None) -> str:
    try:
        return run(argv, cwd=cwd)
    except RuntimeError:
        if os.geteuid() != 0:
            raise
    run(["apt-get", "update", "-qq"])  # a fresh machine has no package lists
    return run(argv, cwd=cwd)


def _require_apt() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise RuntimeError("this machine has no apt-get")
