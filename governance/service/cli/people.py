"""Who gives an order on the command line, and why: for the audit chain."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from governance.audit import Cause
from governance.errors import ConfigError
from governance.service.approvals import MAX_WORDS

if TYPE_CHECKING:
    import argparse


def add_cause_flags(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """Add ``--by`` and ``--reason``; the reason is required where there is no default."""
    parser.add_argument("--by", metavar="NAME", help="who orders it (default: the login name)")
    parser.add_argument(
        "--reason", metavar="WORDS", required=default is None, default=default, help="why"
    )


def cause_of(options: argparse.Namespace) -> Cause:
    """Who and why; raises ConfigError if one of them says nothing."""
    name, reason = (options.by or _login()).strip(), options.reason.strip()
    if not name or not reason:
        raise ConfigError("an order has a name and a ground: write --by NAME --reason WORDS")
    return Cause(reason[:MAX_WORDS], actor=name[:MAX_WORDS])


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in many containers
        return ""
