"""What goes to webhooks and registries: `list`, `show`, `replay`, `enable`, `schemas`.

A receiver that answers 410 is disabled: what was to go there is dead, until `enable` and `replay`.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alerting.actions.schemas import write_schemas
from governance.clock import SystemClock
from governance.component.key import ComponentKey
from governance.errors import ConfigError
from governance.service.approvals import Desk, Undecidable, delivery_object
from governance.service.build import open_store
from governance.service.cli.flags import add_settings_flags, settings_of
from governance.service.cli.people import add_cause_flags, cause_of
from governance.store.delivery import DeliveryFilter, DeliveryState

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from governance.store.delivery import Delivery

_CLOCK = SystemClock()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="newest first")
    _add_filters(listing)
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="(default: 100)")
    listing.add_argument("--json", action="store_true", help="one object a line")
    showing = commands.add_parser("show", help="one delivery with its body, as JSON")
    showing.add_argument("id", metavar="ID")
    again = commands.add_parser("replay", help="send again, under the same id")
    again.add_argument("ids", nargs="*", metavar="ID", help="or --state with other filters")
    _add_filters(again)
    add_cause_flags(again, default="asked for")
    enabling = commands.add_parser("enable", help="send to a receiver again that was gone")
    enabling.add_argument("receiver", metavar="NAME")
    schemas = commands.add_parser("schemas", help="write the JSON Schemas of the messages")
    schemas.add_argument("folder", type=Path, metavar="DIR")
    for command in (listing, showing, again, enabling):
        add_settings_flags(command, "database")


def run(options: argparse.Namespace) -> int:
    """Do what was asked for."""
    if options.command == "schemas":
        for path in write_schemas(options.folder):
            print(path)
        return 0
    with _desk(options) as desk:
        doing = {"list": _list, "show": _show, "replay": _replay, "enable": _enable}
        return doing[options.command](options, desk)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    states = [state.value for state in DeliveryState]
    parser.add_argument("--state", action="append", choices=states, help="may be repeated")
    parser.add_argument("--receiver", metavar="NAME", help="webhook or registry")
    parser.add_argument("--component", metavar="NAMESPACE/NAME")


def _filter(options: argparse.Namespace) -> DeliveryFilter:
    try:
        named = options.component and str(ComponentKey.parse(options.component))
    except ValueError as error:
        raise ConfigError(f"--component: {error}") from None
    states = tuple(DeliveryState(state) for state in options.state or ())
    return DeliveryFilter(target=options.receiver, ordering_key=named, states=states)


def _list(options: argparse.Namespace, desk: Desk) -> int:
    for one in desk.outbox.disabled():
        if not options.json:
            print(f"receiver {one.target} is disabled: {one.reason}")
    for delivery in desk.outbox.find(_filter(options), options.limit):
        print(json.dumps(delivery_object(delivery)) if options.json else _line(delivery))
    return 0


def _show(options: argparse.Namespace, desk: Desk) -> int:
    found = desk.get(options.id)
    print(json.dumps({**delivery_object(found), "body": json.loads(found.body)}, indent=2))
    return 0


def _replay(options: argparse.Namespace, desk: Desk) -> int:
    if bool(options.ids) == bool(options.state):
        raise ConfigError("replay what: write ids, or --state dead (and --receiver, --component)")
    cause, refused = cause_of(options), 0
    for name in options.ids or _ids(options, desk):
        try:
            print(f"{desk.replay(name, cause).id} goes out again")
        except Undecidable as error:
            print(error)
            refused += 1
    return 1 if refused else 0


def _ids(options: argparse.Namespace, desk: Desk) -> list[str]:
    """All that the filters choose, oldest first."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = desk.outbox.page(_filter(options), cursor, 500)
        ids += [delivery.id for delivery in page.deliveries]
        cursor = page.cursor
        if cursor is None:
            return ids[::-1]


def _enable(options: argparse.Namespace, desk: Desk) -> int:
    if not desk.outbox.enable(options.receiver):
        print(f"receiver {options.receiver} is not disabled")
        return 1
    print(f"receiver {options.receiver} is enabled; dead deliveries wait for replay")
    return 0


def _line(delivery: Delivery) -> str:
    shown = delivery_object(delivery)
    why = f"  {shown['last_error']}" if shown["last_error"] else ""
    fields = ("created", "id", "state", "attempts", "action", "receiver")
    return "  ".join(str(shown[name]) for name in fields) + f"  {delivery.ordering_key}{why}"


@contextmanager
def _desk(options: argparse.Namespace) -> Iterator[Desk]:
    store = open_store(settings_of(options))
    try:
        yield Desk(store.deliveries, _CLOCK.now_us())
    finally:
        store.engine.dispose()
