"""``evenhand``: one program, one module per command, imported only when it is run."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMANDS: Final = {
    "demo": "the whole promise on real data, in one process",
    "run": "all stages in one process: embedded bus, SQLite",
    "collect": "sidecar in front of a model, or the door (--listen)",
    "detect": "worker: events to findings",
    "alert": "findings to alerts, deliveries and metrics",
    "serve": "API",
    "replay": "recorded traffic through the same detectors",
    "gate": "the checks of replay before release: one verdict, JUnit, Markdown",
    "report": "Evidently's page of one window (extra: evidently)",
    "baseline": "build a reference profile from rows",
    "deliveries": "list, replay and release what goes to webhooks and registries",
    "actions": "pause, resume, approve or reject what changes the world",
    "audit": "verify, export and sign the audit chains",
    "validate": "check components and settings",
    "operate": "Kubernetes operator: components, sidecars, status",
    "inject": "what injection makes of a pod, without a cluster",
    "rules": "print the rules for Prometheus",
    "crd": "print the CustomResourceDefinition of components",
    "migrate": "bring the database to this program's schema",
}
"""Name of each command and what it does; its module has ``add_arguments`` and ``run``."""

_PACKAGE = "governance.service.cli"
_CHECK_FAILED, _WRONG_USAGE, _UNREACHABLE = 1, 2, 3
_INTERRUPTED, _PIPE_CLOSED = 130, 141  # as a shell reports SIGINT and SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 fine, 1 a check failed, 2 wrong usage or configuration, 3 an outside system is unreachable.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in COMMANDS:
        return _general(arguments)
    name, *rest = arguments
    command = importlib.import_module(f"{_PACKAGE}.{name}")
    parser = argparse.ArgumentParser(
        prog=f"evenhand {name}",
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    return _guarded(command.run, parser.parse_args(rest))


def _general(arguments: list[str]) -> int:
    names = "\n".join(f"  {name:<12}{words}" for name, words in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="evenhand",
        usage="evenhand COMMAND [options]",
        description="Runtime governance of AI components.",
        epilog=f"commands:\n{names}\n\n'evenhand COMMAND --help' describes one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    options = parser.parse_known_args([a for a in arguments if a.startswith("-")])[0]
    if options.version:
        print(f"evenhand {_version()}")
        return 0
    if arguments:
        parser.error(f"{arguments[0]!r} is no command; commands: {', '.join(COMMANDS)}")
    parser.print_help()
    return _WRONG_USAGE


def _version() -> str:
    metadata = importlib.import_module("importlib.metadata")
    return str(metadata.version("evenhand"))


def _guarded(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a command; what it raises on purpose becomes one message and an exit code."""
    from governance import errors  # noqa: PLC0415 - --help needs nothing of ours

    try:
        code = run(options)
        sys.stdout.flush()
    except errors.ConfigError as error:
        return _said(error, _WRONG_USAGE)
    except errors.TransientError as error:
        return _said(error, _UNREACHABLE)
    except errors.EvenhandError as error:
        return _said(error, _CHECK_FAILED)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes once more at its end and would complain: give it a sink.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    return code


def _said(error: Exception, code: int) -> int:
    print(f"evenhand: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
