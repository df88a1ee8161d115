"""Sidecar in front of a model server, or the door for events and labels over HTTP.

``--upstream HOST:PORT`` passes traffic to a model server and makes events of it; ``--listen
HOST:PORT`` takes events and labels of any producer; ``--explain`` shows what would leave the pod
for one request.
"""

# The sidecar's first process is this one: nothing heavy may be imported at the head of this file.

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import ConfigError

if TYPE_CHECKING:
    import argparse

_PASSED_ON = ("component", "bus", "config", "key_directory")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the three forms."""
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--upstream", metavar="HOST:PORT", help="sidecar: the model server")
    form.add_argument("--listen", metavar="HOST:PORT", help="door: where to listen")
    form.add_argument(
        "--explain",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="request body, and response body if there is one: what would leave the pod",
    )
    common = parser.add_argument_group("settings", "default < --config < EVENHAND_* < flags")
    common.add_argument("--config", type=Path, metavar="FILE", help="settings, YAML")
    common.add_argument("--bus", metavar="URL", help="file:DIR or kafka://HOST:PORT,...")
    common.add_argument(
        "--components", type=Path, metavar="PATH", action="append", help="component file or folder"
    )
    common.add_argument(
        "--component",
        metavar="NAME",
        help="namespace/name, where --components holds several; with --explain its file",
    )
    common.add_argument(
        "--key-directory", type=Path, metavar="DIR", help="privacy keys, NAMESPACE.key"
    )
    sidecar = parser.add_argument_group("sidecar")
    sidecar.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; a pod says 0.0.0.0"
    )
    sidecar.add_argument("--port", type=int, default=19080, help="traffic (default %(default)s)")
    sidecar.add_argument(
        "--admin-port", type=int, default=19081, help="health, metrics (default %(default)s)"
    )
    sidecar.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="counters and spool; outlives the process"
    )
    sidecar.add_argument(
        "--drain-seconds",
        type=float,
        default=5.0,
        help="how long to accept after SIGTERM (default %(default)s)",
    )
    sidecar.add_argument(
        "--connect-seconds",
        type=float,
        default=5.0,
        help="how long the model server may take to accept before a 502 (default %(default)s)",
    )
    explain = parser.add_argument_group("explain")
    explain.add_argument("--path", metavar="URLPATH", help="path of the request")
    explain.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Run the form that was asked for."""
    if options.listen is not None:
        return int(importlib.import_module("governance.service.cli.listen").run(options))
    if options.explain is not None:
        return int(importlib.import_module("governance.service.cli.explain").run(options))
    return _sidecar(options)


def _sidecar(options: argparse.Namespace) -> int:
    from collectors.sidecar.pump import Options, run  # noqa: PLC0415 - the door needs none of it

    upstream = _address(options.upstream)
    if upstream == (options.host, options.port):
        raise ConfigError(
            f"--upstream {options.upstream} is this sidecar's own address: name the model server's"
        )
    state = options.state_dir or _default_state(options.port)
    return run(
        Options(
            upstream=upstream,
            listen=(options.host, options.port),
            admin=(options.host, options.admin_port),
            state=state,
            reader=tuple(_reader_arguments(options, state)),
            drain_seconds=options.drain_seconds,
            connect_seconds=options.connect_seconds,
        )
    )


def _reader_arguments(options: argparse.Namespace, state: Path) -> list[str]:
    arguments = ["--state-dir", str(state)]
    for path in options.components or ():
        arguments += ["--components", str(path)]
    for name in _PASSED_ON:
        value = getattr(options, name)
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdecimal() and 0 < int(port) < 65536):
        raise ConfigError(f"--upstream {text!r} is not HOST:PORT, for example 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _default_state(port: int) -> Path:
    """One folder per user and port, so that a restarted container finds what it left."""
    # tempfile would load compressors into a process that has to stay small.
    folder = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - the pump checks its owner
    return folder / f"evenhand-collect-{os.geteuid()}-{port or f'pid{os.getpid()}'}"
