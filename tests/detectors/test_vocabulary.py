"""Stable codes of group names, and the cells that are made of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from detectors.outcome_cells import OutcomeCells
from detectors.vocabulary import MOST_NAMES, OTHER, Vocabulary
from governance.errors import PermanentError
from governance.event import Column


def test_codes_are_stable_whatever_the_batch_calls_them() -> None:
    """A name keeps the code that it got first; -1 is in no group."""
    vocabulary = Vocabulary(["sex"], Counter())
    first = vocabulary.codes("sex", Column(np.array([1, -1, 0], np.int32), ("f", "m")), 3)
    again = vocabulary.codes("sex", Column(np.array([0, 1], np.int32), ("m", "x")), 2)
    assert vocabulary.names["sex"] == ("f", "m", "x")
    assert (first.tolist(), again.tolist()) == ([1, -1, 0], [1, 2])


def test_names_that_do_not_occur_get_no_code() -> None:
    """A dictionary may name more than the rows hold."""
    vocabulary = Vocabulary(["sex"], Counter())
    column = Column(np.array([1], np.int32), ("a", "b"))
    assert vocabulary.codes("sex", column, 1).tolist() == [0]
    both = Column(np.array([0, 1], np.int32), ("a", "b"))
    assert vocabulary.codes("sex", both, 2).tolist() == [1, 0]


def test_names_beyond_the_bound_are_one_group_and_counted() -> None:
    """The sixty-fifth name and all after it are ``other``."""
    counts: Counter[str] = Counter()
    vocabulary = Vocabulary(["city"], counts)
    names = tuple(f"c{i}" for i in range(MOST_NAMES + 3))
    codes = vocabulary.codes("city", Column(np.arange(len(names), dtype=np.int32), names), 67)
    assert codes.tolist() == [*range(64), 64, 64, 64]
    assert vocabulary.names["city"][64:] == (OTHER,)
    assert counts["groups_pooled"] == 3


def test_a_group_without_a_dictionary_is_refused() -> None:
    """Its numbers mean nothing."""
    with pytest.raises(PermanentError, match="dictionary"):
        Vocabulary(["sex"], Counter()).codes("sex", Column(np.zeros(1, np.int32)), 1)


@pytest.mark.parametrize("attributes", [0, 1, 4, 5, 7])
def test_cells_are_read_back_as_written(attributes: int) -> None:
    """Groups and prediction, also of more attributes than fit by radix, also after a restart."""
    seeded = np.random.default_rng(attributes)
    names = [f"a{i}" for i in range(attributes)]
    codes = [seeded.integers(-1, MOST_NAMES + 1, 300).astype(np.int32) for _ in names]
    favourable = seeded.integers(-1, 2, 300).astype(np.int32)
    cells = OutcomeCells(names)
    written = cells.encode(codes, favourable)
    restored = OutcomeCells(names)
    restored.restore(cells.to_builtins())
    read = restored.decode(written)
    assert read["favourable"].values.tolist() == favourable.tolist()
    assert [read[f"group.{n}"].values.tolist() for n in names] == [c.tolist() for c in codes]
