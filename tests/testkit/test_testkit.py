"""The test servers' own promises: fetched once, and never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.testkit.cache import filled

if TYPE_CHECKING:
    from pathlib import Path

PARENT = """
import sys, time
from pathlib import Path
from tests.testkit.processes import ServerProcess
server = ServerProcess(["sleep", "60"], Path(sys.argv[1]))
# Killed before setpriv has asked for the signal, the parent would leave an orphan.
server.start(lambda: Path(f"/proc/{server.pid}/comm").read_text() == "sleep\\n")
print(server.pid, flush=True)
time.sleep(60)
"""


def test_a_folder_is_filled_once_for_each_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same stamp fetches nothing, another one fetches again."""
    monkeypatch.setenv("EVENHAND_CACHE", str(tmp_path))
    fetched: list[str] = []

    def fill(folder: Path) -> None:
        fetched.append(folder.name)
        (folder / "jar").write_text("x")

    for stamp in ("1", "1", "2"):
        assert (filled("server", stamp, fill) / "jar").read_text() == "x"
    assert len(fetched) == 2


def test_a_fetch_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a folder is never taken for a whole one."""
    monkeypatch.setenv("EVENHAND_CACHE", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError):
        filled("server", "1", fail)
    assert list(filled("server", "1", lambda _: None).iterdir()) == [tmp_path / "server/stamp"]


def test_a_server_ends_with_the_tests_however_they_end(tmp_path: Path) -> None:
    """After kill -9 of the process that started it the server is gone."""
    argv = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        os.kill(server, 0)
        parent.kill()
    deadline = time.monotonic() + 20
    while _runs(server):
        assert time.monotonic() < deadline, "the server outlived its tests"


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
