"""The checks of ``replay`` before release, in CI; one verdict: pass, fail or inconclusive.

FILE is recorded traffic of the candidate (CSV, JSONL or Parquet), as ``replay`` reads it.
--counterfactual asks the candidate itself: variants of texts that differ in a sensitive attribute
only are sent to its endpoint. Give one of the two, or both.

Exit codes: 0 pass; 1 fail (a breach in the last revision of a finding; a warning is none), and also
inconclusive: a check with a limit could not be judged, or nothing was; 2 wrong usage, component or
file; 3 the endpoint is unreachable. The first line says which it was, and --json has it as
"verdict".
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from governance.clock import SystemClock
from governance.errors import ConfigError
from governance.service.cli.asking import (
    add_counterfactual_flags,
    ask_variants,
    check_counterfactual_flags,
)
from governance.service.cli.flags import add_traffic_flags, one_component
from governance.service.cli.progress import Progress
from governance.service.cli.replay import reference_of, say_tally
from governance.service.gate import Outcome, decide
from governance.service.replay import NoRows, Replay
from governance.service.reports.junit import junit
from governance.service.reports.markdown import markdown
from governance.service.reports.text import as_json, lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from governance.component.load import LoadedComponent
    from governance.finding import Finding
    from governance.service.gate import GateVerdict

_CLOCK = SystemClock()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="recorded traffic")
    add_traffic_flags(parser)
    parser.add_argument(
        "--optional",
        action="append",
        default=[],
        metavar="CHECK",
        help="a check that may stay without a verdict (latency_* for several); may be repeated",
    )
    add_counterfactual_flags(parser)
    _add_reports(parser)


def _add_reports(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("reports")
    group.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    group.add_argument("--markdown", type=Path, metavar="FILE", help="write a pull request comment")
    group.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Judge and report; 0 only if the verdict is pass."""
    started = _CLOCK.monotonic()
    _check(options)
    loaded = one_component(options.component)
    absent: list[str] = []
    findings = list(_findings(options, loaded, absent))
    verdict = decide(findings, options.optional, absent)
    _write(options, verdict, str(loaded.component.key), _CLOCK.monotonic() - started)
    return 0 if verdict.outcome is Outcome.PASS else 1


def _check(options: argparse.Namespace) -> None:
    """What would only come up at the end, after a long judgement."""
    if options.file is None and options.counterfactual is None:
        raise ConfigError(
            "nothing to judge: name a FILE of recorded traffic, or --counterfactual TEMPLATES"
        )
    if options.file is None and (options.reference or options.labels):
        raise ConfigError("--reference and --labels go with a FILE, which is not given")
    check_counterfactual_flags(options)
    for flag in ("junit", "markdown"):
        path: Path | None = getattr(options, flag)
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigError(f"--{flag} {path}: there is no folder {path.absolute().parent}")


def _findings(
    options: argparse.Namespace, loaded: LoadedComponent, absent: list[str]
) -> Iterator[Finding]:
    """The endpoint first: where it is away, nobody need wait for the replay."""
    if options.counterfactual is not None:
        yield from ask_variants(options, loaded.component)
    if options.file is not None:
        yield from _replayed(options, loaded, absent)


def _replayed(
    options: argparse.Namespace, loaded: LoadedComponent, absent: list[str]
) -> Iterator[Finding]:
    reference = reference_of(loaded, options.reference)
    replay = Replay(loaded.component, options.file, reference, options.labels)
    bar = Progress("replay")
    try:
        yield from replay.findings(bar)
    except NoRows as error:
        absent.append(f"no_rows: {error}")
    finally:
        bar.clear()
    say_tally(replay.tally)
    unread, most = replay.tally.unread_share, loaded.component.spec.monitoring.max_loss
    if unread > most:
        absent.append(
            f"unread: {unread:.3g} of the rows of {options.file} were left out, maxLoss is "
            f"{most:.3g}"
        )


def _write(
    options: argparse.Namespace, verdict: GateVerdict, component: str, seconds: float
) -> None:
    if options.json:
        print(json.dumps(as_json(verdict, component), indent=2))
    else:
        print("\n".join(lines(verdict, component)))
    if options.junit is not None:
        _save(options.junit, junit(verdict, component, _CLOCK.now_us(), seconds=seconds))
    if options.markdown is not None:
        _save(options.markdown, markdown(verdict, component))


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None


def _say(words: str) -> None:
    print(words, file=sys.stderr)
