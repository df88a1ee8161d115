"""Fetch what the tests start: ``python -m tests.testkit`` every server.

``python -m tests.testkit mlserver`` (or another's name) fetches that server alone; ``openai``, with
real weights, only so, since it is compiled for six minutes.
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
from tests.testkit.servers import LONG_TO_FETCH, SERVERS, Server


def main(arguments: list[str]) -> int:
    """Fetch, and say what is there."""
    known = (*SERVERS, *LONG_TO_FETCH) if arguments else SERVERS
    wanted = tuple(server for server in known if _is_named(server, arguments))
    if arguments[:1] == ["evidently"]:
        if arguments[1:] == ["--here"]:
            return 0 if evidently.here() else 1
        if arguments[1:]:
            return evidently.run_here(arguments[1:])
        wanted = (Server(evidently.NAME, evidently.here, evidently.fetch),)
    if not wanted:
        names = ", ".join(map(_word, known))
        print(f"no server {arguments[0]!r}; there are evidently, {names}", file=sys.stderr)  # noqa: T201 - a program
        return 2
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


def _is_named(server: Server, arguments: list[str]) -> bool:
    return not arguments or _word(server) in arguments


def _word(server: Server) -> str:
    """What a server is called on the command line."""
    return server.name.split()[-1].lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
