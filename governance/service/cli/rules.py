"""Print the rules for Prometheus: component alerts, and rules for Evenhand itself.

    evenhand rules > evenhand.rules.yml && promtool check rules evenhand.rules.yml

Links in notices lead to alerting.externalUrl and alerting.runbookUrl of the settings.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import yaml

from alerting.annotations import Links
from alerting.rules import RuleTimes, rule_groups
from governance.service.cli.flags import add_settings_flags, settings_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    default = RuleTimes()
    add_settings_flags(parser)
    parser.add_argument(
        "--keep-firing-for",
        default=default.keep_firing_for,
        metavar="DURATION",
        help="how long an alert outlives its series, over a restart (default: %(default)s)",
    )
    parser.add_argument(
        "--patience",
        default=default.patience,
        metavar="DURATION",
        help="how long Evenhand itself may be ill before somebody is told (default: %(default)s)",
    )
    parser.add_argument(
        "--job",
        default=default.job,
        metavar="REGEX",
        help="scrape jobs of Evenhand's processes (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Print and return 0."""
    alerting = settings_of(options).alerting
    links = Links(alerting.external_url, alerting.runbook_url)
    times = RuleTimes(options.keep_firing_for, options.patience, options.job)
    print("# Printed by `evenhand rules`: change settings or flags, not this file.")
    yaml.safe_dump(rule_groups(links, times), sys.stdout, sort_keys=False, width=100)
    return 0
