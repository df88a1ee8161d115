"""Stable codes of group names: append-only, so that arrays of different panes add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from governance.errors import PermanentError
from governance.event import MISSING_CODE

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from governance.event import Column

MOST_NAMES = 64  # of one attribute, codes of one byte; what comes later is ``other``
OTHER = "other"


@dataclass(frozen=True, slots=True)
class _Table:
    """Codes by position in a batch's dictionary, then that of missing."""

    dictionary: tuple[str, ...]
    codes: NDArray[np.int8]
    beyond: NDArray[np.bool_]  # positions that are ``OTHER`` because the names ran out
    complete: bool  # every entry has a code, so the table is right for any rows


class Vocabulary:
    """Names seen per group attribute, in the order in which they first came.

    Codes are positions in that order; the name after the ``MOST_NAMES``-th is ``OTHER`` and stands
    for all that follow, counted in ``counts`` as ``groups_pooled``.
    """

    def __init__(self, attributes: Sequence[str], counts: Counter[str]) -> None:
        self.attributes = tuple(attributes)
        self._counts = counts
        self._codes: dict[str, dict[str, int]] = {attribute: {} for attribute in attributes}
        self._names: dict[str, tuple[str, ...]] = dict.fromkeys(attributes, ())
        self._last: dict[str, _Table] = {}

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Names behind the codes, by attribute."""
        return self._names

    def codes(self, attribute: str, column: Column | None, n: int) -> NDArray[np.int8]:
        """Stable codes of a group column, shape (n,), int8; -1 = in no group.

        Raises
        ------
        PermanentError
            If the column has no dictionary (reason ``dtype``).
        """
        if column is None:
            return np.full(n, MISSING_CODE, dtype=np.int8)
        if column.dictionary is None:
            raise PermanentError("dtype", f"column 'group.{attribute}' has no dictionary")
        table = self._last.get(attribute)
        if table is None or not table.complete or table.dictionary != column.dictionary:
            table = self._last[attribute] = self._read(attribute, column)
        if table.beyond.any():
            self._counts["groups_pooled"] += int(table.beyond[column.values].sum())
        return table.codes.take(column.values)

    def knows(self, attribute: str, column: Column | None) -> bool:
        """Whether the codes of a group column do not depend on what else comes with it.

        So it is where every name has its code, or all further names have ``OTHER``'s.
        """
        if column is None or column.dictionary is None:
            return column is None
        codes = self._codes[attribute]
        return len(codes) > MOST_NAMES or all(name in codes for name in column.dictionary)

    def to_builtins(self) -> list[tuple[str, list[str]]]:
        """Names by attribute, for the register."""
        return [(attribute, list(names)) for attribute, names in self._names.items()]

    def restore(self, stored: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Take over what ``to_builtins`` gave."""
        for attribute, names in stored:
            self._names[attribute] = tuple(names)
            self._codes[attribute] = {name: code for code, name in enumerate(names)}

    def _read(self, attribute: str, column: Column) -> _Table:
        dictionary = column.dictionary or ()
        used = np.bincount(column.values + 1, minlength=len(dictionary) + 1)[1:] > 0
        codes = np.full(len(dictionary) + 1, MISSING_CODE, dtype=np.int8)
        beyond = np.zeros(len(dictionary) + 1, dtype=bool)
        for place in np.flatnonzero(used).tolist():
            codes[place], beyond[place] = self._code(attribute, dictionary[place])
        return _Table(dictionary, codes, beyond, bool(used.all()))

    def _code(self, attribute: str, name: str) -> tuple[int, bool]:
        codes = self._codes[attribute]
        beyond = name not in codes and len(codes) >= MOST_NAMES
        code = codes.setdefault(OTHER if beyond else name, len(codes))
        if len(codes) > len(self._names[attribute]):
            self._names[attribute] = tuple(codes)
        return code, beyond
