"""Run all stages in one process: door, detectors, alerting, API.

By default events travel over files and state lies in SQLite, so nothing beside Python is needed;
``--bus`` and ``--database`` name Apache Kafka and PostgreSQL. The sidecar stays a process of its
own, beside the model: ``evenhand collect --upstream``. Privacy keys that are missing are made, in
privacy.keyDirectory or else in DIR/keys of ``--state-dir``; a sidecar needs the same ones.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from governance.service.all_stages import all_stages
from governance.service.cli.flags import add_settings_flags, components_of, settings_of
from governance.service.logs import configure_logs
from governance.service.stop import stop_on_signals

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_settings_flags(parser, "bus", "database", "components")
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=Path("evenhand-state"),
        metavar="DIR",
        help="what the door has taken and the bus has not, and keys (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Work until SIGTERM, or until a stage gives up."""
    stop = stop_on_signals()
    settings = settings_of(options)
    configure_logs(settings.logs.format)
    loaded = components_of(settings)
    with all_stages(settings, loaded, options.state_dir, stop) as stages:
        print(
            f"run: ready; API on {stages.api}/api/v1; door on {stages.door}; "
            f"metrics on {stages.metrics}/metrics; road {stages.road}",
            flush=True,
        )
        stop.wait()
    if stages.failure is not None:
        print(f"evenhand: {stages.failure}", file=sys.stderr)
        return 3
    return 0
