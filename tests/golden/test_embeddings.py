"""Fourier features, their null, evidence, effect and rho, compared with an independent program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.stats.block_means import BlockMeans
from detectors.stats.mmd import (
    GramNull,
    gram_null,
    log_e_of,
    mmd_effect,
    tail_probability,
)
from detectors.stats.overdispersion import effective_size
from governance.algebra.fourier import (
    SUM_SCALE,
    Projection,
    bandwidth,
    fit_projection,
    waves,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN = json.loads(Path(__file__).with_name("embeddings.json").read_text())
CASES = {case["name"]: case for case in GOLDEN["cases"]}
WINDOWS = [(name, place) for name in CASES for place in range(len(CASES[name]["windows"]))]


def close(value: Any, tolerance: float = 1e-8) -> Any:
    return pytest.approx(value, rel=tolerance, abs=tolerance)


def features(name: str) -> NDArray[np.float64]:
    """Of the reference rows, by the matrix that is given."""
    case = CASES[name]
    matrix = np.array(case["projection"])
    phases = np.array(case["reference_rows"]) / np.array(case["scale"]) @ matrix
    rows: NDArray[np.float64] = waves(phases) / np.sqrt(matrix.shape[1])
    return rows


def projection(name: str) -> Projection:
    case = CASES[name]
    pairs = len(case["projection"][0])
    return Projection(name, tuple(map(float, case["scale"])), case["h"], case["seed"], pairs=pairs)


def null(name: str) -> GramNull:
    constants = CASES[name]["constants"]
    return GramNull(*(constants[key] for key in ("t1", "t2", "t3", "l1")))


def measured(name: str, window: dict[str, Any], total: NDArray[np.float64]) -> dict[str, float]:
    """What a window's sum says."""
    case, n = CASES[name], np.array(float(window["n"]))
    m = effective_size(np.array(window["rho"]), n, np.array(float(case["n0"])))
    squared = ((total / n - np.array(case["mean0"])) ** 2).sum()
    p = tail_probability(squared, m, null(name))
    effect = mmd_effect(squared, m, null(name))
    found = {
        "m": m,
        "T": m * squared,
        "p": p,
        "log_e": log_e_of(p),
        "raw": effect.raw,
        "mmd": effect.value,
        "lower": effect.lower,
        "upper": effect.upper,
    }
    return {key: float(value) for key, value in found.items()}


def test_scale_and_bandwidth() -> None:
    """Vectors of unit length are not scaled, mixed units are by their spread; h by distances."""
    plain, mixed = CASES.values()
    assert bandwidth(np.array(plain["reference_rows"])) == close(plain["h"])
    fitted = fit_projection("mixed", np.array(mixed["reference_rows"]), mixed["seed"], pairs=16)
    assert list(fitted.scale) == close(mixed["scale"])
    assert fitted.h == close(mixed["h"])


@pytest.mark.parametrize("name", CASES)
def test_the_matrix_is_drawn_alike(name: str) -> None:
    """To the step of 2^-22 turns in which entries are kept."""
    turns = np.array(CASES[name]["projection"]) / (2 * np.pi)
    assert np.abs(projection(name).matrix - turns).max() <= 2.0**-23


@pytest.mark.parametrize("name", CASES)
def test_constants_of_the_reference(name: str) -> None:
    """Mean features, sums of powers of the Gram matrix's eigenvalues, degrees of freedom."""
    case, found = CASES[name], gram_null(features(name))
    expected = case["constants"]
    assert features(name).mean(axis=0).tolist() == close(case["mean0"])
    assert [found.first, found.second, found.third, found.largest, found.freedom] == close(
        [expected[key] for key in ("t1", "t2", "t3", "l1", "nu")]
    )


@pytest.mark.parametrize("name", CASES)
def test_rho_per_length(name: str) -> None:
    """Lengths, rows of a block and rho, for panes of three sizes."""
    rows, mean = features(name), np.array(CASES[name]["mean0"])
    for expected in CASES[name]["rho"]:
        size = expected["pane"]
        means = BlockMeans(rows.shape[1], len(rows) // size)
        for start in range(0, len(rows), size):
            pane = rows[start : start + size]
            means.add(start // size, pane.sum(axis=0), len(pane))
        found = means.ladder(mean, [(slice(None), null(name))])
        assert [block.k for block in found] == [block["k"] for block in expected["ladder"]]
        assert [block.rows for block in found] == [b["block_rows"] for b in expected["ladder"]]
        assert [block.rho for block in found] == close([b["rho"] for b in expected["ladder"]])


@pytest.mark.parametrize(("name", "place"), WINDOWS)
def test_windows(name: str, place: int) -> None:
    """Statistic, probability, evidence, effect and interval of every window."""
    window = CASES[name]["windows"][place]
    expected = dict(window["expect"])
    assert expected.pop("insufficient") == (expected["m"] < 10)
    log_e = expected.pop("log_e")
    found = measured(name, window, np.array(window["sum"]))
    assert found.pop("log_e") == close(log_e, 1e-6)
    assert found == close(expected)


@pytest.mark.parametrize(("name", "place"), WINDOWS)
def test_fixed_point_changes_no_verdict(name: str, place: int) -> None:
    """Sums rounded to 2^-24, made of rows by ourselves where rows are given: log e to 1e-4."""
    window = CASES[name]["windows"][place]
    fixed = np.rint(np.array(window["sum"]) * SUM_SCALE)
    assert measured(name, window, fixed / SUM_SCALE)["log_e"] == close(
        window["expect"]["log_e"], 1e-4
    )
    if "rows" in window:
        own = projection(name).sums(np.array(window["rows"]))
        assert np.abs(own - fixed).max() <= 6 * window["n"]  # steps of 2^-24, of 16 pairs
        assert measured(name, window, own / SUM_SCALE)["log_e"] == close(
            window["expect"]["log_e"], 1e-4
        )


def test_probability_to_evidence() -> None:
    """From 1e-300 to nearly 1, where the formula cancels."""
    p = np.array([pair["p"] for pair in GOLDEN["p_to_log_e"]])
    expected = [pair["log_e"] for pair in GOLDEN["p_to_log_e"]]
    assert log_e_of(p).tolist() == close(expected, 1e-6)
