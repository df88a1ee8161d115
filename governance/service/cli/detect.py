"""Read events off the bus, judge windows, write findings.

Any number of workers of one group share the partitions of the bus; each partition has one owner at
a time. State lies in the database: a worker may die at any instant, another one goes on where the
last checkpoint stands and finds the same.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from governance.bus.connect import open_bus
from governance.clock import SystemClock
from governance.metrics import Metrics
from governance.service.build import open_store
from governance.service.cli.flags import add_settings_flags, components_of, settings_of
from governance.service.detect import build_detect_worker, declare
from governance.service.http import parse_address
from governance.service.memory import settle_memory
from governance.service.stop import stop_on_signals

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_settings_flags(parser, "bus", "database", "components")
    parser.add_argument(
        "--group", default="evenhand", metavar="NAME", help="worker group (default: evenhand)"
    )
    parser.add_argument("--metrics", metavar="HOST:PORT", help="where to answer scrapes")


def run(options: argparse.Namespace) -> int:
    """Work until SIGTERM, then checkpoint and leave."""
    stop = stop_on_signals()
    settings = settings_of(options)
    declared = declare(components_of(settings), settings.privacy.key_directory, warn=_say)
    store = open_store(settings, group=options.group)
    bus, metrics = open_bus(settings.bus.url, client=settings.bus.client), Metrics()
    worker = build_detect_worker(
        settings, store, bus, declared, clock=SystemClock(), metrics=metrics
    )
    try:
        partitions = worker.start()
        settle_memory()
        host, port = parse_address(options.metrics or settings.http.metrics)
        bound, stop_metrics = metrics.serve(host, port)
        print(
            f"detect: ready; group {store.group}, {len(declared)} components, {partitions} "
            f"partitions; metrics on http://{host}:{bound}/metrics",
            flush=True,
        )
        try:
            worker.run(stop)
        finally:
            stop_metrics()
    finally:
        worker.close()
        bus.close()
        store.engine.dispose()
    return 0


def _say(words: str) -> None:
    print(words, file=sys.stderr)
