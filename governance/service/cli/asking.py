"""The part of ``gate`` that asks a model: variants of texts, sent to its endpoint."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from governance.clock import SECOND_US, SystemClock, parse_duration_us
from governance.errors import ConfigError
from governance.service.cli.progress import Progress
from governance.service.counterfactual.answer import AnswerReader
from governance.service.counterfactual.check import (
    Asked,
    check_declared,
    counterfactual_findings,
)
from governance.service.counterfactual.endpoint import Manners, ask
from governance.service.counterfactual.request import find_form
from governance.service.counterfactual.templates import read_variants

if TYPE_CHECKING:
    import argparse

    from governance.component.schema import Component
    from governance.finding import Finding
    from governance.service.counterfactual.answer import Answer
    from governance.service.counterfactual.request import Form

TOKEN = "EVENHAND_ENDPOINT_TOKEN"  # noqa: S105 - the name of a variable

_CLOCK = SystemClock()
_ONLY_HERE = ("words", "endpoint", "request", "score_range")


def add_counterfactual_flags(parser: argparse.ArgumentParser) -> None:
    """Declare what `gate` needs to ask an endpoint."""
    group = parser.add_argument_group(
        "counterfactual fairness of texts",
        "variants of a text that differ only in a sensitive attribute are sent to the endpoint; "
        f"{TOKEN} holds its bearer token, if it wants one",
    )
    group.add_argument(
        "--counterfactual",
        type=Path,
        metavar="TEMPLATES",
        help="templates, pairs or sentences (CSV, TSV, JSONL): docs/gate.md has the layouts",
    )
    group.add_argument(
        "--words",
        type=Path,
        metavar="FILE",
        help="attribute, group, word: what varies, where TEMPLATES holds plain texts",
    )
    group.add_argument(
        "--endpoint", metavar="URL", help="what is asked, in place of spec.model.endpoint"
    )
    group.add_argument(
        "--request",
        type=Path,
        metavar="FILE",
        help="JSON body with {text} where the text goes, in place of the protocol's usual one",
    )
    group.add_argument(
        "--score-range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="what scores can be (default: 0 1 or -1 1, whichever holds all of them)",
    )
    group.add_argument(
        "--concurrency", type=int, default=4, metavar="N", help="requests at a time (default: 4)"
    )
    group.add_argument(
        "--timeout",
        type=parse_duration_us,
        default=10 * SECOND_US,
        metavar="DURATION",
        help="of one request (default: 10s)",
    )


def check_counterfactual_flags(options: argparse.Namespace) -> None:
    """Raise ConfigError for flags that cannot be followed."""
    for flag in _ONLY_HERE:
        if options.counterfactual is None and getattr(options, flag) is not None:
            name = flag.replace("_", "-")
            raise ConfigError(f"--{name} goes with --counterfactual, which is not given")
    if options.concurrency < 1 or options.timeout <= 0:
        raise ConfigError("--concurrency is at least 1, and --timeout longer than 0s")
    if options.score_range and not options.score_range[0] < options.score_range[1]:
        raise ConfigError("--score-range: LOW must be below HIGH")


def ask_variants(options: argparse.Namespace, component: Component) -> list[Finding]:
    """Ask the endpoint for every variant, and judge.

    Raises
    ------
    ConfigError
        If the component declares nothing to judge by, or templates or endpoint are unusable.
    Unreachable
        If nobody answers at the endpoint.
    """
    check_declared(component)
    variants = read_variants(options.counterfactual, options.words)
    for line in variants.left_out:
        _say(line)
    form = find_form(component, options.endpoint, options.request)
    texts = list(dict.fromkeys(variant.text for variant in variants.texts))
    _say(f"{len(texts):,} texts to {form.url}, as {form.protocol.name}")
    started_us = _CLOCK.now_us()
    answers = _ask(form, component, texts, options)
    by_text = dict(zip(texts, answers, strict=True))
    in_order = [by_text[variant.text] for variant in variants.texts]
    asked = Asked(variants.texts, in_order, started_us, _CLOCK.now_us())
    return counterfactual_findings(component, asked, options.score_range)


def _ask(
    form: Form, component: Component, texts: list[str], options: argparse.Namespace
) -> list[Answer]:
    manners = Manners(
        concurrency=options.concurrency,
        timeout_seconds=options.timeout / SECOND_US,
        token=os.environ.get(TOKEN) or None,
        max_loss=component.spec.monitoring.max_loss,
    )
    bar = Progress("ask")
    try:
        return ask(form, AnswerReader(component, form.protocol), texts, manners, bar)
    finally:
        bar.clear()


def _say(words: str) -> None:
    print(words, file=sys.stderr)
