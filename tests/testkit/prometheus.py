"""A real Prometheus with promtool: from the machine, else Debian's package unpacked."""

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

NAME = "Prometheus"

_PACKAGE = "prometheus"
_REMEDY = "Install it: apt-get install prometheus"


def here() -> str | None:
    """The version, if nothing has to be fetched."""
    program = _find("prometheus")
    return None if program is None else _version(program)


def fetch() -> str:
    """Fetch what is missing and return the version; raises ServerMissing."""
    return _version(_program("prometheus"))


def promtool() -> Path:
    """The program promtool of the same version; raises ServerMissing."""
    return _program("promtool")


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """Where it answers, and its process."""

    url: str
    process: ServerProcess


@contextmanager
def start_prometheus(config: str) -> Iterator[PrometheusServer]:
    """A server over this configuration (YAML) for the length of the block; raises ServerMissing.

    The first scrape of a target is offset by its hash: allow 15 s at 1 s intervals.
    """
    program = _program("prometheus")
    folder = Path(tempfile.mkdtemp(prefix="evh-prom-"))
    (folder / "prometheus.yml").write_text(config)
    address = f"127.0.0.1:{free_port()}"
    process = ServerProcess(
        [
            str(program),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}",
        ],
        folder / "log",
    )
    url = f"http://{address}"
    try:
        process.start(lambda: answers(f"{url}/-/ready"))
        yield PrometheusServer(url, process)
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _find(name: str) -> Path | None:
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    folder = debian.unpacked(_PACKAGE)
    return None if folder is None else folder / "usr/bin" / name


def _program(name: str) -> Path:
    try:
        return _find(name) or debian.unpack(_PACKAGE) / "usr/bin" / name
    except RuntimeError as error:
        raise ServerMissing(NAME, str(error), _REMEDY) from None


def _version(program: Path) -> str:
    found = re.search(r"version (\d[\d.]*\d)", run([str(program), "--version"]))
    return found.group(1) if found else "of unknown version"
