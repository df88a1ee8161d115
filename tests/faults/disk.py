"""A small file system for the disturbed group's tables, which can be filled."""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.workers import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.scene import Scene

SIZE = "48m"


@contextmanager
def small_disk(scene: Scene) -> Iterator[Path]:
    """Move the tables to a file system in memory; raises RuntimeError where none can be mounted."""
    disk = scene.place.folder / "disk"
    disk.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk))
    try:
        with closing(connect(scene)) as owner:
            tables = disk / "tables"
            tables.mkdir()
            data = Path(owner.run("SHOW data_directory")[0][0])
            os.chown(tables, data.stat().st_uid, -1)
            for parent in (disk, *disk.parents):
                if parent.stat().st_uid == os.getuid():
                    parent.chmod(parent.stat().st_mode | 0o055)
            owner.run(f"CREATE TABLESPACE small LOCATION '{tables}'")
            owner.run("ALTER TABLE findings SET TABLESPACE small")
            owner.run("ALTER TABLE panes SET TABLESPACE small")
        yield disk
    finally:
        scene.postgres.kill()  # it holds files open
        scene.postgres.restart()
        _run("umount", "--lazy", str(disk))


def fill(disk: Path) -> Path:
    """Write until nothing more goes in; the file that was written."""
    path = disk / "filling"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return path


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv[0]}: {done.stderr.strip()}: this fault needs root")
