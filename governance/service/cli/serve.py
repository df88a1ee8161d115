"""Serve the HTTP API: components, findings, alerts, deliveries, and the door's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.build import open_store
from governance.service.cli.flags import add_settings_flags, settings_of
from governance.service.http import bind, parse_address, served
from governance.service.stop import stop_on_signals

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_settings_flags(parser, "database")
    parser.add_argument("--listen", metavar="HOST:PORT", help="where to answer (http.api)")
    parser.add_argument(
        "--group", default="evenhand", metavar="NAME", help="whose findings (default: evenhand)"
    )


def run(options: argparse.Namespace) -> int:
    """Answer until SIGTERM."""
    stop = stop_on_signals()
    settings = settings_of(options)
    address = options.listen or settings.http.api
    authority = Authority.load(settings.http.tokens_file, parse_address(address)[0])
    store = open_store(settings, group=options.group)
    with served(build_app(store, authority), bind(address)) as url:
        print(f"serve: ready; API on {url}/api/v1", flush=True)
        stop.wait()
    store.engine.dispose()
    return 0
