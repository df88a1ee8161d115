"""Fetch what the tests start: ``python -m tests.testkit`` every server.

``python -m tests.testkit evidently`` builds the environment of Evidently instead, which is large
and belongs to ``make test-slow``; with ``--here`` it only looks, and with ``-m MODULE`` it runs a
module of this tree there. One line for each; exit code 1 if one cannot be had (or is not here),
with the remedy on stderr.
"""

from __future__ import annotations

import sys
import time

from tests.testkit import evidently
from tests.testkit.cache import ServerMissing
from tests.testkit.servers import SERVERS, Server


def main(arguments: list[str]) -> int:
    """Fetch, and say what is there."""
    wanted: tuple[Server, ...] = SERVERS
    if arguments[:1] == ["evidently"]:
        if arguments[1:] == ["--here"]:
            return 0 if evidently.here() else 1
        if arguments[1:]:
            return evidently.run_here(arguments[1:])
        wanted = (Server(evidently.NAME, evidently.here, evidently.fetch),)
    missing: list[ServerMissing] = []
    for server in wanted:
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
    sys.exit(main(sys.argv[1:]))
