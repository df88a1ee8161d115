"""A real Alertmanager with amtool: from the machine, else Debian's package unpacked."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testkit import debian
from tests.testkit.cache import ServerMissing, run
from tests.testkit.http import answers
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "Alertmanager"

# enough to store and show alerts; nobody is told
QUIET = "route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n"

_PACKAGE = "prometheus-alertmanager"
_NAMES = ("prometheus-alertmanager", "alertmanager")  # Debian's name, upstream's name
_REMEDY = "Install it: apt-get install prometheus-alertmanager"

# Debian's build reads its default template from this folder. In an unpacked package the folder is
# elsewhere, so there the program is told (in as many bytes) to look where it is started.
_ASSETS = b"/usr/share/prometheus/alertmanager"
_HERE = b"./" * (len(_ASSETS) // 2)


def here() -> str | None:
    """The version, if nothing has to be fetched."""
    program = _find(*_NAMES)
    return None if program is None else _version(program)


def fetch() -> str:
    """Fetch what is missing and return the version; raises ServerMissing."""
    return _version(_program(*_NAMES))


def amtool() -> Path:
    """The program amtool of the same version; raises ServerMissing."""
    return _program("amtool")


@dataclass(frozen=True, slots=True)
class AlertmanagerServer:
    """Where it answers, and its process."""

    url: str
    process: ServerProcess


@contextmanager
def start_alertmanager(config: str = QUIET) -> Iterator[AlertmanagerServer]:
    """A server over this configuration (YAML) for the length of the block; raises ServerMissing."""
    program = _program(*_NAMES)
    folder = Path(tempfile.mkdtemp(prefix="evh-am-"))
    (folder / "alertmanager.yml").write_text(config)
    address = f"127.0.0.1:{free_port()}"
    process = ServerProcess(
        [
            str(program),
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/data",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",  # else it opens a gossip port on every interface
        ],
        folder / "log",
        cwd=_assets(program),
    )
    url = f"http://{address}"
    try:
        process.start(lambda: answers(f"{url}/-/ready"))
        yield AlertmanagerServer(url, process)
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _find(*names: str) -> Path | None:
    for name in names:
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    folder = debian.unpacked(_PACKAGE)
    return None if folder is None else folder / "usr/bin" / names[0]


def _program(*names: str) -> Path:
    try:
        return _find(*names) or _unpack() / "usr/bin" / names[0]
    except RuntimeError as error:
        raise ServerMissing(NAME, str(error), _REMEDY) from None


def _unpack() -> Path:
    return debian.unpack(_PACKAGE, finish=_look_where_started)


def _look_where_started(folder: Path) -> None:
    program = folder / "usr/bin" / _NAMES[0]
    program.write_bytes(program.read_bytes().replace(_ASSETS, _HERE))


def _assets(program: Path) -> Path | None:
    folder = program.parent.parent / "share/prometheus/alertmanager"
    return folder if folder.is_dir() else None


def _version(program: Path) -> str:
    found = re.search(r"version (\d[\d.]*\d)", run([str(program), "--version"]))
    return found.group(1) if found else "of unknown version"
