"""Serve the HTTP API: components, findings, alerts, deliveries.

With components (``--components``) it takes labels and events too, as the door does, and needs the
bus and a folder for what the bus has not taken yet.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from governance.clock import SystemClock
from governance.metrics import Metrics
from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.build import open_store
from governance.service.cli.flags import add_settings_flags, components_of, settings_of
from governance.service.door import opened, projections_by_component
from governance.service.http import bind, parse_address, served
from governance.service.logs import configure_logs
from governance.service.stop import stop_on_signals

if TYPE_CHECKING:
    import argparse
    from contextlib import AbstractContextManager

    from governance.config import Settings
    from governance.service.door import Door


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_settings_flags(parser, "bus", "database", "components")
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=Path("evenhand-state"),
        metavar="DIR",
        help="what was taken and the bus does not have yet (default: %(default)s)",
    )
    parser.add_argument("--listen", metavar="HOST:PORT", help="where to answer (http.api)")
    parser.add_argument("--metrics", metavar="HOST:PORT", help="where to answer scrapes")
    parser.add_argument(
        "--group", default="evenhand", metavar="NAME", help="whose findings (default: evenhand)"
    )


def run(options: argparse.Namespace) -> int:
    """Answer until SIGTERM."""
    stop = stop_on_signals()
    settings = settings_of(options)
    configure_logs(settings.logs.format)
    address = options.listen or settings.http.api
    authority = Authority.load(settings.http.tokens_file, parse_address(address)[0])
    store = open_store(settings, group=options.group)
    with ExitStack() as stack:
        stack.callback(store.engine.dispose)
        metrics = Metrics()
        door = stack.enter_context(_door(settings, options.state_dir, metrics))
        if options.metrics is not None:
            stack.callback(metrics.serve(*parse_address(options.metrics))[1])
        app = build_app(store, authority, door, settings.http.max_body_bytes)
        url = stack.enter_context(served(app, bind(address)))
        takes = "labels and events" if door is not None else "no labels: no components are named"
        print(f"serve: ready; API on {url}/api/v1; takes {takes}", flush=True)
        stop.wait()
    return 0


def _door(settings: Settings, state: Path, metrics: Metrics) -> AbstractContextManager[Door | None]:
    if not settings.components:
        return nullcontext()
    loaded = components_of(settings)
    return opened(
        settings,
        [item.component for item in loaded],
        state,
        SystemClock(),
        metrics,
        projections=projections_by_component(loaded),
    )
