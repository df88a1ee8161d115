"""Step alerts over findings, deliver webhooks, tell Alertmanager, export statistics.

Any number of replicas may run: one evaluates at a time, all deliver and all export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.bus.connect import open_bus
from governance.clock import SystemClock
from governance.metrics import Metrics
from governance.service.build import build_alert_worker, open_store, road_of
from governance.service.cli.flags import add_settings_flags, settings_of
from governance.service.http import parse_address
from governance.service.logs import configure_logs
from governance.service.stop import stop_on_signals

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_settings_flags(parser, "database", "bus")
    parser.add_argument(
        "--feed", action="store_true", help="feed findings and alerts to subscribers on the bus"
    )
    parser.add_argument(
        "--group", default="evenhand", metavar="NAME", help="whose findings (default: evenhand)"
    )
    parser.add_argument("--metrics", metavar="HOST:PORT", help="where to answer scrapes")


def run(options: argparse.Namespace) -> int:
    """Work until SIGTERM."""
    stop = stop_on_signals()
    settings = settings_of(options)
    configure_logs(settings.logs.format)
    store = open_store(settings, group=options.group)
    metrics = Metrics()
    bus = open_bus(settings.bus.url, client=settings.bus.client) if options.feed else None
    worker = build_alert_worker(settings, store, SystemClock(), metrics, bus)
    host, port = parse_address(options.metrics or settings.http.metrics)
    bound, stop_metrics = metrics.serve(host, port)
    road = road_of(settings.alerting)
    print(f"alert: ready; road {road}; metrics on http://{host}:{bound}/metrics", flush=True)
    try:
        worker.run(stop)
    finally:
        stop_metrics()
        store.engine.dispose()
        if bus is not None:
            bus.close()
    return 0
