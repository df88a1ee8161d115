"""Run the main job on real data: sidecar, model, drift, late labels, alert, signed webhook.

Everything runs on loopback and free ports, in a temporary folder. EVENHAND_DATABASE_URL moves the
database, and leaves it behind. Exit code 1 if a promise of the demo did not hold.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from governance.service.demo.play import Demo
from governance.service.demo.tell import Voice
from governance.service.stop import stop_on_signals

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave everything running until Ctrl-C, and say which addresses to open",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")


def run(options: argparse.Namespace) -> int:
    """Play, sum up, clean up."""
    folder = Path(tempfile.mkdtemp(prefix="evenhand-demo-"))
    voice = Voice(quiet=options.json)
    try:
        with Demo(folder, voice) as demo:
            summary, addresses = demo.play()
            if options.json:
                voice.as_json(summary, addresses)
            if options.keep:
                voice.kept(addresses, folder)
                stop_on_signals().wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(summary.promises().values()) else 1
