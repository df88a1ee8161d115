"""Bring the database to this program's schema, under a lock; a newer schema is refused.

``run`` and ``demo`` do this themselves; the other commands need it done.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from governance.service.cli.flags import add_settings_flags, settings_of
from governance.store.engine import open_engine
from governance.store.faults import place
from governance.store.schema import migrate

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_settings_flags(parser, "database")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Migrate and say from where to where."""
    engine = open_engine(settings_of(options).database.url, answer_seconds=0)
    try:
        done = migrate(engine)
    finally:
        engine.dispose()
    if options.json:
        print(json.dumps({"database": place(engine), "before": done.before, "after": done.after}))
    elif done.before == done.after:
        print(f"{place(engine)}: schema {done.after} already")
    else:
        print(f"{place(engine)}: schema {done.before or 'none'} -> {done.after}")
    return 0
