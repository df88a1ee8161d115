"""Measure reference rows once, and keep the profile.

FILE holds rows of usual traffic (CSV, JSONL, Parquet), at least 1,000, better a week of them. The
profile is named by the hash of its content; spec.baseline.uri and sha256 point to it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.embedding_reference import FEWEST_EMBEDDINGS
from detectors.ladder import FEWEST_REFERENCE_ROWS
from detectors.profile import write_profile
from governance.component.baseline import file_sha256
from governance.errors import ConfigError
from governance.service.cli.flags import add_component_flag, one_component
from governance.service.references import measure_rows

if TYPE_CHECKING:
    import argparse

    from detectors.reference import Reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("file", type=Path, metavar="FILE", help="reference rows")
    add_component_flag(parser)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PROFILE", required=True, help="file to write"
    )


def run(options: argparse.Namespace) -> int:
    """Measure, write, and say what to put into the component."""
    component = one_component(options.component).component
    reference = measure_rows(options.file, component, warn=_say)
    try:
        write_profile(options.output, reference)
    except OSError as error:
        raise ConfigError(f"{options.output}: cannot be written: {error.strerror}") from None
    _say_too_few(reference)
    order = "in time order" if reference.ordered else "not in time order"
    print(f"reference {reference.id}")
    print(f"{reference.rows:,} rows, {order}, cut for windows of {reference.windows}")
    for modality, embedding in reference.embeddings.items():
        print(
            f"{embedding.rows:,} embeddings of {modality}, projection {embedding.projection.hash}"
        )
    print(f"spec.baseline: {{uri: {options.output.name}, sha256: {file_sha256(options.output)}}}")
    return 0


def _say_too_few(reference: Reference) -> None:
    """Features need more rows than embeddings do."""
    features = bool(reference.inputs or reference.outputs)
    if features and reference.rows < FEWEST_REFERENCE_ROWS:
        drift = "drift of features" if reference.embeddings else "drift"
        _say(f"too few rows to judge {drift} by: at least {FEWEST_REFERENCE_ROWS:,} are needed")
    for modality, embedding in reference.embeddings.items():
        if embedding.rows < FEWEST_EMBEDDINGS:
            _say(
                f"too few embeddings of {modality} to judge drift by: {embedding.rows}, at least "
                f"{FEWEST_EMBEDDINGS} are needed"
            )


def _say(words: str) -> None:
    print(words, file=sys.stderr)
