"""Print the CustomResourceDefinition of ``MultimodalAIComponent``, made from the program's schema.

    evenhand crd | kubectl apply --server-side --force-conflicts -f -

Helm installs the CRD with the chart and never changes it afterwards; after an upgrade of the
program this command brings the cluster's up to date.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from governance.component.crd import crd_text, custom_resource_definition

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--json", action="store_true", help="print JSON, not YAML")


def run(options: argparse.Namespace) -> int:
    """Print it."""
    if options.json:
        print(json.dumps(custom_resource_definition(), indent=2))
    else:
        sys.stdout.write(crd_text())
    return 0
