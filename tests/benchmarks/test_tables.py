"""The commands that print what docs/statistics.md shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.plots.catalog import FOLDER, PLOTS
from benchmarks.tables.catalog import TABLES
from benchmarks.tables.populations import elec2, llm_hour
from benchmarks.tables.table import Table

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def test_a_table_is_markdown() -> None:
    """Title, head, rows and notes; counts with separators, small shares with what matters."""
    table = Table("Title", ["name", "rows", "share"], [["a", 1_000, 0.01234], ["b", 0, None]])
    assert str(table).splitlines() == [
        "**Title**",
        "",
        "| name | rows  | share |",
        "| ---- | ----- | ----- |",
        "| a    | 1,000 | 0.012 |",
        "| b    | 0     | -     |",
    ]


def test_numbers_of_a_table() -> None:
    """Texts are left out, numbers come as floats."""
    assert Table("", ["a"], [["x", 1, 0.5], [None, 2]]).numbers == [[1.0, 0.5], [2.0]]


@pytest.mark.parametrize("command", ["tables", "plots"])
def test_an_unknown_name_lists_those_that_exist(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and every name on stderr."""
    assert main([command, "nonsense"]) == 2
    said = capsys.readouterr().err
    assert "nonsense" in said
    assert all(name in said for name in (TABLES if command == "tables" else PLOTS))


def test_a_data_set_that_is_not_here_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without the real data sets a table is left out, by name, and the command succeeds."""
    monkeypatch.setenv("EVENHAND_SHARED", str(tmp_path))
    elec2.cache_clear()
    llm_hour.cache_clear()
    assert main(["tables", "streams"]) == 0
    assert capsys.readouterr().out.count("left out: no ") == len(TABLES["streams"])


def test_the_page_names_every_table_and_shows_every_plot() -> None:
    """docs/statistics.md names the command of each table, and no other; plots are there."""
    text = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"benchmarks tables (\w+)", text)) == set(TABLES)
    assert set(re.findall(r"\(statistics/([\w-]+)\.svg\)", text)) == set(PLOTS)
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(PLOTS)
