"""What changes the world: `pause` and `resume` automatic actions, `approve` and `reject` held ones.

`status` shows what is paused and what waits. A pause stops retrainings and rollbacks that nobody
approves by name, those on their way too; notices go on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from governance.clock import SystemClock, format_instant
from governance.service.approvals import Desk, delivery_object
from governance.service.build import open_store
from governance.service.cli.flags import add_settings_flags, settings_of
from governance.service.cli.people import add_cause_flags, cause_of
from governance.store.delivery import DeliveryFilter, DeliveryState
from governance.store.due_deliveries import EVERYWHERE
from governance.store.pauses import Pauses

if TYPE_CHECKING:
    import argparse

    from governance.service.stores import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, words in (
        ("pause", "stop automatic actions"),
        ("resume", "let automatic actions go on"),
    ):
        switching = commands.add_parser(name, help=words)
        switching.add_argument("--namespace", default=EVERYWHERE, help="default: all")
        add_cause_flags(switching)
        add_settings_flags(switching, "database")
    for name in ("approve", "reject"):
        deciding = commands.add_parser(name, help=f"{name} an action that waits for it")
        deciding.add_argument("id", metavar="ID")
        add_cause_flags(deciding)
        add_settings_flags(deciding, "database")
    status = commands.add_parser("status", help="what is paused, and what waits for approval")
    status.add_argument("--json", action="store_true", help="one object")
    add_settings_flags(status, "database")


def run(options: argparse.Namespace) -> int:
    """Do what was asked for."""
    store = open_store(settings_of(options))
    try:
        if options.command == "status":
            return _status(options, store)
        decide = options.command in ("approve", "reject")
        return _decide(options, store) if decide else _switch(options, store)
    finally:
        store.engine.dispose()


def _switch(options: argparse.Namespace, store: Store) -> int:
    pauses, place = Pauses(store.engine), options.namespace
    where = "everywhere" if place == EVERYWHERE else f"in namespace {place}"
    pausing = options.command == "pause"
    switch = pauses.pause if pausing else pauses.resume
    changed = switch(place, cause_of(options))
    state = "are paused" if pausing else "go on"
    print(f"automatic actions {state} {where}{'' if changed else ' already'}")
    return 0


def _decide(options: argparse.Namespace, store: Store) -> int:
    desk = Desk(store.deliveries, SystemClock().now_us())
    approve = options.command == "approve"
    decided = desk.decide(options.id, cause_of(options), approve=approve)
    words = "approved" if approve else "rejected"
    print(f"{decided.action} of {decided.ordering_key} is {words} by {decided.decided_by}")
    return 0


def _status(options: argparse.Namespace, store: Store) -> int:
    pauses = Pauses(store.engine).find()
    held = store.deliveries.find(DeliveryFilter(states=(DeliveryState.HELD,)), limit=1_000)
    if options.json:
        shown = [
            {
                "namespace": pause.namespace,
                "by": pause.by,
                "since": format_instant(pause.since_us),
                "reason": pause.reason,
            }
            for pause in pauses
        ]
        print(json.dumps({"pauses": shown, "held": [delivery_object(one) for one in held]}))
        return 0
    for pause in pauses:
        since = format_instant(pause.since_us)
        print(f"paused: {pause.namespace}  by {pause.by} since {since}: {pause.reason}")
    for one in held:
        until = delivery_object(one)["approve_by"]
        print(f"held: {one.id}  {one.action} of {one.ordering_key}, until {until}")
    if not pauses and not held:
        print("nothing is paused, nothing waits for approval")
    return 0
