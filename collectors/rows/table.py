"""The contract of a row file: tables of named columns, in file order, and what was left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from governance.errors import ConfigError
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

ROWS_PER_TABLE = 4_096

_EXAMPLES = 3  # places that are remembered per reason


@dataclass(frozen=True, slots=True)
class Table:
    """Some consecutive rows: columns of ``n`` values each; ``first`` is the first row's number.

    Numbers count the rows that were read, from 0. Where text is dictionary-coded, code -1 is an
    empty cell; in float arrays NaN is missing and inf is what is no finite number; dates are
    datetime64[us] in UTC.
    """

    n: int
    first: int
    columns: Mapping[str, Column | NDArray[Any]]

    def take(self, rows: NDArray[Any], n: int) -> Table:
        """Only ``rows`` (an index or a mask that keeps ``n`` rows)."""
        columns = {
            name: values.take(rows) if isinstance(values, Column) else values[rows]
            for name, values in self.columns.items()
        }
        return Table(n, self.first, columns)


class LeftOut:
    """Rows and files that could not be read: how many by reason, and the first of them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()  # rows, by reason
        self._lines: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}

    def add(self, reason: str, place: str, rows: int = 1) -> None:
        """Count rows; ``place`` says where and what was found."""
        self.counts[reason] += rows
        self._note(f"rows left out, {reason}", place, rows)

    def undecodable(self, modality: str, reason: str, place: str) -> None:
        """Count a file of a row that is kept."""
        self._note(f"{modality} files not decoded, {reason}", place, 1)

    def lines(self) -> list[str]:
        """One line per reason, for people."""
        return [
            f"{count} {what}: {'; '.join(self._places[what])}"
            + ("; ..." if count > len(self._places[what]) else "")
            for what, count in self._lines.items()
        ]

    def _note(self, what: str, place: str, count: int) -> None:
        self._lines[what] += count
        places = self._places.setdefault(what, [])
        if len(places) < _EXAMPLES:
            places.append(place)


class RowFile(Protocol):
    """A file of rows; read once, from front to back."""

    names: tuple[str, ...]  # the columns, in file order
    left_out: LeftOut

    def tables(self, rows: int = ROWS_PER_TABLE) -> Iterator[Table]:
        """The rows in tables of at most ``rows``; a table never has none.

        Raises
        ------
        ConfigError
            If the file turns out to be damaged; the message names file and place.
        """

    def progress(self) -> float:
        """The part of the file that was read, in [0, 1]."""


def unique_names(path: Path, names: Iterable[str]) -> tuple[str, ...]:
    """The column names of a file; raises ConfigError if one stands twice."""
    listed = tuple(names)
    twice = [name for name, count in Counter(listed).items() if count > 1]
    if twice:
        raise ConfigError(f"{path}: column {twice[0]!r} stands twice: rename one of the two")
    return listed
