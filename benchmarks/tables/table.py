"""A table as text: Markdown, so that a page can show what a command printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a head, rows, and what a reader must know beside them."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def numbers(self) -> list[list[float]]:
        """The numbers of each row, without its texts."""
        return [[float(c) for c in row if isinstance(c, int | float)] for row in self.rows]

    def __str__(self) -> str:
        rows = [list(self.head), *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self.head))]
        lines = [_line(row, widths) for row in rows]
        lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
        return "\n".join([f"**{self.title}**", "", *lines, *self._remarks()])

    def _remarks(self) -> list[str]:
        return ["", *self.notes] if self.notes else []


def shown(cell: Cell) -> str:
    """One cell: shares with no more digits than matter, counts with separators."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or cell == 0:
        return f"{int(cell):,}"
    if abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.2g}" if abs(cell) < 0.1 else f"{cell:.3g}"


def span(values: Sequence[float]) -> str:
    """The smallest and the largest of several shares, as ``.91-.98``."""
    low, high = (f"{value:.2f}" for value in (min(values), max(values)))
    return low if low == high else f"{low}-{high}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return (
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
    )
