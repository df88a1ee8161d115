"""Bins of references, compared with an independent program."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from governance.algebra.bins import category_bins, fold, numeric_bins
from governance.algebra.sums import WEIGHT_SCALE

GOLDEN = json.loads(Path(__file__).with_name("bins.json").read_text())
NUMERIC = {case["name"]: case for case in GOLDEN["numeric"]}
CATEGORIES = {case["name"]: case for case in GOLDEN["categories"]}


def floats(values: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else float(value) for value in values])


@pytest.mark.parametrize("name", NUMERIC)
def test_edges_and_widths(name: str) -> None:
    """Edges agree to 1e-12, widths over sd to 1e-9, sd, minimum and maximum too."""
    case = NUMERIC[name]
    bins = numeric_bins(floats(case["values"]))
    np.testing.assert_allclose(bins.edges, case["edges"], rtol=1e-12, atol=0)
    np.testing.assert_allclose(bins.width_over_sd(), case["width_over_sd"], rtol=1e-9, atol=1e-12)
    assert (bins.minimum, bins.maximum) == (case["minimum"], case["maximum"])
    assert bins.sd == pytest.approx(case["sd"], rel=1e-9)


@pytest.mark.parametrize("name", NUMERIC)
def test_fine_and_coarse_counts(name: str) -> None:
    """Counts per fine bin, the fold, and counts per coarse bin agree exactly."""
    case = NUMERIC[name]
    counts = numeric_bins(floats(case["values"])).count(floats(case["values"])) // WEIGHT_SCALE
    fine, tail = counts[:-2], counts[-2:]
    assert fine.tolist() == case["fine"]
    assert tail.tolist() == [case["missing"], case["nonfinite"]]
    assert fold(fine).tolist() == case["fold"]
    coarse = np.bincount(fold(fine), weights=fine).astype(int)
    assert [*coarse.tolist(), *tail.tolist()] == case["coarse"]


@pytest.mark.parametrize("name", NUMERIC)
def test_probes(name: str) -> None:
    """Values at, below and beyond edges fall into the bins that they should."""
    case = NUMERIC[name]
    bins = numeric_bins(floats(case["values"]))
    coarse = [*case["fold"], max(case["fold"]) + 1, max(case["fold"]) + 2]
    for probe in case["probes"]:
        code = int(bins.codes(floats([probe["value"]]))[0])
        assert coarse[code] == probe["coarse"]
        assert probe["fine"] is None or code == probe["fine"]


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories(name: str) -> None:
    """Kept categories with their ties, and the counts of kept, rare, unseen and missing."""
    case = CATEGORIES[name]
    names = [case["dictionary"][code] for code in case["values"] if code >= 0]
    bins = category_bins(Counter(names))
    counts = bins.count(np.array(case["values"]), case["dictionary"]) // WEIGHT_SCALE
    assert list(bins.kept) == case["kept"]
    assert counts.tolist() == case["counts"]
    assert [bins.bin_of(p["value"] or "") for p in case["probes"]] == [
        p["bin"] for p in case["probes"]
    ]
