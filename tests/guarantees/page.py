"""What the long tests print is what docs/statistics.md shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tables.populations import Absent, elec2

if TYPE_CHECKING:
    import pytest

    from benchmarks.tables.table import Table

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def show(capsys: pytest.CaptureFixture[str], *tables: Table) -> None:
    """Print tables, and compare every row with the page where all data sets are here."""
    with capsys.disabled():
        for table in tables:
            print(f"\n\n{table}")  # noqa: T201 - make test-slow prints the tables
    try:
        elec2()
    except Absent:
        return  # fewer features: other numbers
    shown = set(map(_narrow, PAGE.read_text(encoding="utf-8").splitlines()))
    printed = [_narrow(line) for table in tables for line in str(table).splitlines()]
    rows = [line for line in printed if line.startswith("|") and not line.startswith("| -")]
    missing = [row for row in rows if row not in shown]
    assert not missing, f"docs/statistics.md does not show what its command prints: {missing}"


def _narrow(line: str) -> str:
    return re.sub(r" *\| *", " | ", line).strip()
