"""The demo's data: people surveyed by the US census in Massachusetts, 2015-2018.

Source: American Community Survey public-use microdata (US Census Bureau, public domain), in the
selection and order of NannyML 0.13.1's example set (Apache-2.0). One row is one surveyed person,
without names. ``examples/build_census_file.py`` makes ``census.npz`` from that set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.clock import SECOND_US, parse_instant_us
from governance.service.demo.model import CensusModel, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL_NAME = "census-employment"
MODEL_VERSION = "2015.1"
FEATURES = (
    *("AGEP", "SCHL", "MAR", "RELP", "DIS", "ESP", "CIT", "MIG"),
    *("MIL", "ANC", "NATIVITY", "DEAR", "DEYE", "DREM", "SEX", "RAC1P"),
)
REFERENCE_YEAR = 2015
YEAR_US = 365 * 24 * 3_600 * SECOND_US


@dataclass(frozen=True, slots=True)
class People:
    """Rows in the file's order: codes per feature, employed 0/1, and an instant each."""

    features: dict[str, NDArray[np.int64]]
    employed: NDArray[np.int64]
    time_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.employed)

    def take(self, rows: slice) -> People:
        """The same people, only ``rows``."""
        features = {name: column[rows] for name, column in self.features.items()}
        return People(features, self.employed[rows], self.time_us[rows])


@cache
def reference_people() -> People:
    """2015: what the model was fitted on and is compared with."""
    return _people([REFERENCE_YEAR])


@cache
def traffic_people() -> People:
    """2016-2018: who the model meets in production, 208,892 people."""
    return _people([2016, 2017, 2018])


@cache
def fitted_model() -> CensusModel:
    """The model, fitted on 2015."""
    people = reference_people()
    return fit(people.features, people.employed, FEATURES)


def _people(years: list[int]) -> People:
    arrays = _arrays()
    rows = np.concatenate([np.flatnonzero(arrays["year"] == year) for year in years])
    # Row i of the n rows of year Y gets the instant i/n of Y: the survey gives only the year.
    time_us = np.concatenate(
        [_instants(year, int((arrays["year"] == year).sum())) for year in years]
    )
    features = {name: arrays[name][rows].astype(np.int64) for name in FEATURES}
    return People(features, arrays["employed"][rows].astype(np.int64), time_us)


def _instants(year: int, n: int) -> NDArray[np.int64]:
    start = parse_instant_us(f"{year}-01-01T00:00:00+00:00")
    return start + np.arange(n, dtype=np.int64) * YEAR_US // n


@cache
def _arrays() -> dict[str, NDArray[Any]]:
    with (files("governance.service.demo") / "census.npz").open("rb") as file:
        archive = np.load(file)
        return {name: archive[name] for name in archive.files}
