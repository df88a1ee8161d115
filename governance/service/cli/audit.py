"""Check, export and sign the audit chains: `verify`, `export`, `checkpoint`.

`verify` reads the database, or files that `export` wrote; it says for each namespace how many rows
hold and, where one was edited, removed or moved, which. Exit code 1 where a chain is broken.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from governance.audit_export import first_line, row_line
from governance.audit_signature import load_signing_key, sign
from governance.clock import SystemClock
from governance.errors import ConfigError
from governance.service.build import open_store
from governance.service.chains import check_files, check_stored, trusted
from governance.service.cli.flags import add_settings_flags, settings_of
from governance.store.audit import Audit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from governance.service.chains import Checked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    checking = commands.add_parser("verify", help="look for rows edited, removed or moved")
    checking.add_argument("files", nargs="*", type=Path, metavar="FILE", help="exported chains")
    checking.add_argument(
        "--checkpoints",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="signed checkpoints that were kept elsewhere; may be repeated",
    )
    checking.add_argument("--public-key", type=Path, metavar="PEM", help="that they are signed for")
    checking.add_argument("--json", action="store_true", help="one object a namespace")
    exporting = commands.add_parser("export", help="write chains as JSONL")
    exporting.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: stdout")
    signing = commands.add_parser("checkpoint", help="sign where each chain stands")
    signing.add_argument("--key", type=Path, metavar="PEM", help="default: audit.signingKeyFile")
    signing.add_argument("--append", type=Path, metavar="FILE", help="default: stdout")
    for command in (checking, exporting, signing):
        command.add_argument("--namespace", action="append", metavar="NAME", help="default: all")
        add_settings_flags(command, "database")


def run(options: argparse.Namespace) -> int:
    """Do what was asked for."""
    return {"verify": _verify, "export": _export, "checkpoint": _checkpoint}[options.command](
        options
    )


def _verify(options: argparse.Namespace) -> int:
    marks = trusted(options.checkpoints, options.public_key)
    if options.files:
        return _print(check_files(options.files, marks), as_json=options.json)
    with _audit(options) as audit:
        names = sorted({*audit.namespaces(), *marks})
        wanted = [name for name in names if _is_asked(options, name)]
        return _print(check_stored(audit, wanted, marks), as_json=options.json)


def _print(checked: Iterable[Checked], *, as_json: bool) -> int:
    broken = 0
    for one in checked:
        print(json.dumps(one.to_json()) if as_json else one.in_words(), flush=True)
        broken += not one.holds
    return 1 if broken else 0


def _export(options: argparse.Namespace) -> int:
    with _audit(options) as audit, _sink(options.output) as sink:
        for name in audit.namespaces():
            if not _is_asked(options, name):
                continue
            with audit.reading(name) as chain:
                print(first_line(name, chain.anchor, chain.head or chain.anchor), file=sink)
                for row in chain.rows:
                    print(row_line(row), file=sink)
    return 0


def _checkpoint(options: argparse.Namespace) -> int:
    path = options.key or settings_of(options).audit.signing_key_file
    if path is None:
        raise ConfigError("no signing key: give --key PEM, or set audit.signingKeyFile")
    key, now_us = load_signing_key(path), SystemClock().now_us()
    with _audit(options) as audit, _sink(options.append, mode="a") as sink:
        for name, head in sorted(audit.heads().items()):
            if _is_asked(options, name):
                print(sign(key, name, head, now_us).to_line(), file=sink)
    return 0


def _is_asked(options: argparse.Namespace, namespace: str) -> bool:
    return options.namespace is None or namespace in options.namespace


@contextmanager
def _audit(options: argparse.Namespace) -> Iterator[Audit]:
    store = open_store(settings_of(options))
    try:
        yield Audit(store.engine)
    finally:
        store.engine.dispose()


def _sink(path: Path | None, mode: Literal["w", "a"] = "w") -> AbstractContextManager[TextIO]:
    if path is None:
        return nullcontext(sys.stdout)
    try:
        return path.open(mode, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
