"""The pump: stands between clients and the model server, and passes every byte on.

PID 1 of the sidecar. It imports the standard library, uvloop and httptools only: what makes events
of requests lives in the reader, a child that may die. Nothing here can fail open, since the pump
*is* the path: when it dies, connections break until the container is restarted.

::

    client ──► Client ──────► Upstream ──► model server        connection.py on stream.py: bytes
                  └─► Observer ◄─┘                             observer.py: frames messages, after
                         └─► Tap ─► Outbox ─► reader           tap.py, budget.py: copies, bounded
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import resource
import signal
import socket
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import uvloop

from collectors.sidecar.admin import Admin, accepts
from collectors.sidecar.budget import Budget, Outbox
from collectors.sidecar.connection import CONNECT_SECONDS, Client, Hub
from collectors.sidecar.counters import Counters, Pump, Reader
from collectors.sidecar.frames import FLUSH_SECONDS
from collectors.sidecar.listener import Listener
from collectors.sidecar.supervisor import ReaderFailed, Supervisor
from collectors.sidecar.tap import Tap
from governance.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BODY_BYTES = 1024 * 1024  # until the reader says what its component declares
_TICK_SECONDS = 0.5
_FINISH_SECONDS = 15.0  # that requests under way have: with drain and flush, below Kubernetes' 30 s
_STOP_SECONDS = FLUSH_SECONDS + 2.0
_MAX_FILES = 65_536
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Options:
    """What a sidecar is told on its command line."""

    upstream: tuple[str, int]
    listen: tuple[str, int]  # port 0 = any free one
    admin: tuple[str, int]
    state: Path  # folder of counters and spool; outlives the process, at best the container
    reader: tuple[str, ...]  # arguments passed on
    drain_seconds: float = 5.0
    connect_seconds: float = CONNECT_SECONDS


def run(options: Options) -> int:
    """Pass traffic until SIGTERM or SIGINT; the exit code.

    Raises
    ------
    ConfigError
        If the reader cannot work with its configuration, a port is taken, or the state folder
        belongs to another sidecar.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, _MAX_FILES)), hard))
    lock = _claim(options.state)
    try:
        return uvloop.run(_serve(options))
    finally:
        os.close(lock)


async def _serve(options: Options) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    counters = _open_counters(options.state)
    outbox = Outbox(Budget())
    tap = Tap(outbox, counters.pump, MAX_BODY_BYTES)
    supervisor = Supervisor(options.reader, outbox, tap, counters.pump)
    try:
        await supervisor.start()
    except ReaderFailed as failure:
        await supervisor.end()
        print(f"evenhand: {failure}", file=sys.stderr)  # noqa: T201 - the program's answer
        return failure.code
    hub = Hub(*options.upstream, tap, options.connect_seconds)
    listener = Listener(_bind(options.listen), partial(Client, hub))

    async def ready() -> bool:
        return not stop.is_set() and await accepts(*options.upstream)

    admin = Admin(counters, lambda: supervisor.component, ready)
    admin_server = await asyncio.start_server(admin.serve, sock=_bind(options.admin))
    keeping = [asyncio.create_task(c) for c in (supervisor.keep(), _tick(supervisor))]
    gc.freeze()  # what lives now lives to the end
    _announce(options, supervisor.component, listener, admin_server)
    await stop.wait()
    await asyncio.sleep(options.drain_seconds)
    await _finish(hub, listener)
    for task in keeping:
        task.cancel()
    clean = await supervisor.stop(_STOP_SECONDS)
    admin_server.close()
    return 0 if clean else 1


async def _tick(supervisor: Supervisor) -> None:
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        supervisor.mark()


async def _finish(hub: Hub, listener: Listener) -> None:
    """Take no more connections, end the idle ones, wait for the busy ones, cut what is left."""
    listener.close()
    deadline = time.monotonic() + _FINISH_SECONDS
    while hub.clients and time.monotonic() < deadline:
        hub.close_idle()
        await asyncio.sleep(0.02)
    hub.abort()
    await asyncio.sleep(0)


def _announce(options: Options, component: str, listener: Listener, admin: asyncio.Server) -> None:
    host, port = listener.address[:2]
    admin_port = admin.sockets[0].getsockname()[1]
    upstream = f"{options.upstream[0]}:{options.upstream[1]}"
    print(  # noqa: T201 - the one line that says ready
        f"evenhand collect: {component} ready on {host}:{port} for {upstream},"
        f" admin on {admin_port}",
        flush=True,
    )


def _bind(address: tuple[str, int]) -> socket.socket:
    host, port = address
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}; name another by --host, --port or"
            " --admin-port"
        ) from None


def _claim(state: Path) -> int:
    """Open the state folder's lock for the life of this process; its descriptor."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state.stat().st_uid not in {os.geteuid(), 0}:  # root's: a volume of the pod
            raise ConfigError(f"state folder {state} belongs to another user: name --state-dir")
        lock = os.open(state / "pump.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"state folder {state} is in use by another sidecar: name another by --state-dir"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"state folder {state}: {error.strerror}; name a writable one by --state-dir"
        ) from None
    return lock


def _open_counters(state: Path) -> Counters:
    """The counters of this source; a source that has said bye makes room for a new one."""
    path = state / "counters"
    try:
        counters = Counters.open(path)
    except (FileNotFoundError, ValueError):
        return Counters.create(path, _source())
    if counters.reader(Reader.CLOSED):
        return Counters.create(path, _source())
    cells = counters.pump
    over = cells[Pump.OBSERVED] + cells[Pump.ABANDONED] + cells[Pump.UPGRADED]
    cells[Pump.LOST_IN_PUMP] = cells[Pump.BEGUN] - over
    return counters


def _source() -> str:
    identity = os.environ.get("EVENHAND_POD_UID") or socket.gethostname()
    return f"{identity}/{time.time_ns() // 1_000}"
