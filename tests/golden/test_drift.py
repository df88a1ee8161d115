"""Evidence, effects and intervals of single windows, compared with an independent program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.drift.jensen_shannon import jensen_shannon
from detectors.drift.kolmogorov_smirnov import gap_effect, kolmogorov_smirnov
from detectors.drift.psi import psi
from detectors.drift.wasserstein import Past, null_constant, wasserstein
from detectors.stats.evidence import Null, log_evidence, log_mixture, log_tilt, make_null
from detectors.stats.overdispersion import effective_size
from detectors.stats.ragged import Ragged
from tests.detectors.scenes import near

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.stats.effect import Effect

GOLDEN = json.loads(Path(__file__).with_name("drift.json").read_text())
REFERENCES = {case["name"]: case for case in GOLDEN["references"]}
CASES = {case["name"]: case for case in GOLDEN["cases"]}
QUALITY = {case["name"]: case for case in GOLDEN["data_quality"]}


@dataclass(frozen=True)
class Looked:
    """A window beside its reference, as the statistics take them."""

    null: Null
    past: Past
    fine: NDArray[np.float64]  # (1, E + 1)
    coarse: NDArray[np.float64]  # (1, B)
    m: NDArray[np.float64]  # (1, 1)
    m_finite: NDArray[np.float64]
    df: NDArray[np.float64]
    fine_bins: Ragged


def coarse_of(reference: dict[str, Any], fine: Any, tail: Any) -> NDArray[np.float64]:
    folded = np.bincount(reference["fold"], weights=fine, minlength=max(reference["fold"]) + 1)
    return np.concatenate([folded, tail])


def null_of(reference: dict[str, Any]) -> Null:
    counts = coarse_of(reference, reference["fine"], reference["tail"])
    finite = max(reference["fold"]) + 1 if reference["ordered"] else 0
    return make_null(counts, Ragged((len(counts),)), (finite,))


def look(case: dict[str, Any]) -> Looked:
    reference = REFERENCES[case["reference"]]
    size = len(reference["fine"])
    fine, tail = np.array(case["window"][:size], dtype=float), case["window"][size:]
    width = np.append(reference["width_over_sd"] or np.zeros(size - 1), 0.0)
    past = Past(np.array(reference["fine"], float), width, np.array([reference["c_w"] or 0.0]))
    n0, rho = np.array([[float(reference["n0"])]]), np.array([[case["rho"]]])
    finite, finite0 = np.array([[fine.sum()]]), np.array([[past.counts.sum()]])
    return Looked(
        null=null_of(reference),
        past=past,
        fine=fine[None],
        coarse=coarse_of(reference, fine, tail)[None],
        m=effective_size(rho, np.array([[sum(case["window"])]]), n0),
        m_finite=effective_size(rho, np.maximum(finite, 1), finite0),
        df=np.array([float(reference["df"])]),
        fine_bins=Ragged((size,)),
    )


def figures(effect: Effect) -> list[float]:
    parts = (effect.raw, effect.value, effect.lower, effect.upper)
    return [float(part[0, 0]) for part in parts]


@pytest.mark.parametrize("name", REFERENCES)
def test_constants_of_the_reference(name: str) -> None:
    """Smoothed shares, the 14 tilts and spreads, and the Wasserstein constant."""
    reference = REFERENCES[name]
    null = null_of(reference)
    np.testing.assert_allclose(null.p, reference["p"], rtol=1e-9)
    if reference["ordered"]:
        np.testing.assert_allclose(null.llr.T, reference["llr"], atol=1e-9)
        constant = null_constant(np.array(reference["fine"]), np.array(reference["width_over_sd"]))
        assert constant == near(reference["c_w"])


@pytest.mark.parametrize("name", CASES)
def test_evidence(name: str) -> None:
    """Effective size, both bets, and the e-value that they make."""
    expected, seen = CASES[name]["expect"], look(CASES[name])
    y = seen.coarse * seen.m / seen.coarse.sum()
    assert float(seen.m[0, 0]) == near(expected["m"])
    assert float(log_mixture(y, seen.m, seen.null)[0, 0]) == near(expected["log_e_dm"])
    assert float(log_evidence(y, seen.m, seen.null)[0, 0]) == near(expected["log_e"])
    if seen.null.ordered[0]:
        assert float(log_tilt(y, seen.null)[0, 0]) == near(expected["log_e_t"])


@pytest.mark.parametrize("name", CASES)
def test_effects_of_coarse_bins(name: str) -> None:
    """PSI and Jensen-Shannon: raw, debiased, and both ends of the interval."""
    expected, seen = CASES[name]["expect"], look(CASES[name])
    bins = seen.null.bins
    assert figures(psi(seen.coarse, seen.null.p, seen.m, seen.df, bins)) == near(expected["psi"])
    distance = jensen_shannon(seen.coarse, seen.null.p, seen.m, seen.df, bins)
    assert figures(distance) == near(expected["js"])


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c["expect"].get("wasserstein")])
def test_effects_of_fine_bins(name: str) -> None:
    """Wasserstein and Kolmogorov-Smirnov on finite rows: raw, debiased, interval."""
    expected, seen = CASES[name]["expect"], look(CASES[name])
    assert float(seen.m_finite[0, 0]) == near(expected["m_finite"])
    moved = wasserstein(seen.fine, seen.past, seen.m_finite, seen.fine_bins)
    assert figures(moved) == near(expected["wasserstein"])
    gap = kolmogorov_smirnov(seen.fine, seen.past.counts, seen.m_finite, seen.fine_bins)
    assert figures(gap) == near(expected["ks"])


@pytest.mark.parametrize("name", QUALITY)
def test_data_quality(name: str) -> None:
    """Evidence and effect of a changed share of missing values."""
    case = QUALITY[name]
    n, n0, inside = case["n"], case["n0"], case["reference_in"]
    null = make_null(np.array([n0 - inside, inside]), Ragged((2,)), (0,))
    m = effective_size(np.array([[case["rho"]]]), np.array([[n]]), np.array([[n0]]))
    share = np.array([[case["window_in"] / n]])
    y = np.concatenate([m * (1 - share), m * share], axis=-1)
    p = null.p[1]
    effect = gap_effect(np.abs(share - inside / n0), share * (1 - share), p * (1 - p), m)
    assert float(log_mixture(y, m, null)[0, 0]) == near(case["log_e"])
    assert figures(effect) == near(case["share"])
