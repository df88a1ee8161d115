"""Fetch every server that the tests start: ``python -m tests.testkit``.

One line per server; exit code 1 if one cannot be had, with the remedy on stderr.
"""

from __future__ import annotations

import sys
import time

from tests.testkit.cache import ServerMissing
from tests.testkit.servers import SERVERS


def main() -> int:
    """Fetch, and say what is there."""
    missing: list[ServerMissing] = []
    for server in SERVERS:
        started = time.monotonic()
        try:
            said = server.fetch()
        except ServerMissing as error:
            missing.append(error)
            said = "missing"
        seconds = time.monotonic() - started
        print(f"{server.name:<14} {said:<12} {seconds:6.1f} s", flush=True)  # noqa: T201 - a program
    for why in missing:
        print(why, file=sys.stderr)  # noqa: T201 - a program
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
