"""Real rows that the tables draw from, as events.

The census is part of Evenhand (``governance/service/demo``), so every table runs everywhere. The
streams Elec2 and Azure's LLM trace are read from the folder that EVENHAND_SHARED names (default:
``shared`` beside the repository); tables that need them say so where they are absent.
"""

from __future__ import annotations

import csv
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from governance.clock import parse_instant_us
from governance.event import Column, EventBatch
from governance.service.demo.census import FEATURES, reference_people, traffic_people
from governance.service.demo.model import fit
from governance.service.demo.prepare import NUMERIC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from governance.service.demo.census import People
    from governance.service.demo.model import CensusModel

CENSUS_CATEGORIES = tuple(name for name in FEATURES if name not in NUMERIC)
ELEC2_NUMBERS = ("period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
ELEC2_REFERENCE = 26 * 7 * 48  # 26 weeks of half hours
ELEC2_REGIME = 17_424  # the row from which the neighbour's figures move
HALF_HOUR_US = 1_800_000_000
_FITTED_ON = slice(None, None, 8)  # people of 2015: the score need not be the best, but soon there


class Absent(Exception):
    """A data set that is not part of Evenhand is not here."""


def shared(*parts: str) -> Path:
    """A file of the folder of real data sets.

    Raises
    ------
    Absent
        If the file is not there.
    """
    default = Path(__file__).resolve().parents[3] / "shared"
    path = Path(os.environ.get("EVENHAND_SHARED", default)).joinpath("data", *parts)
    if not path.is_file():
        raise Absent(f"no {'/'.join(parts)}: set EVENHAND_SHARED to the folder of real data sets")
    return path


@cache
def census_reference() -> EventBatch:
    """68,785 people of 2015: 16 features, prediction and score; a real time each."""
    return _answered(reference_people())


@cache
def census_traffic() -> EventBatch:
    """208,892 people of 2016-2018 in the file's order."""
    return _answered(traffic_people())


@cache
def elec2() -> EventBatch:
    """45,312 half hours of the electricity market of New South Wales, in time order."""
    with shared("drift_elec2", "elec.csv").open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {
        f"tabular.{name}": Column(np.array([float(row[name]) for row in rows]))
        for name in ELEC2_NUMBERS
    }
    columns["tabular.class"] = Column.encode([row["class"] for row in rows])
    columns["time"] = Column(np.arange(len(rows), dtype=np.int64) * HALF_HOUR_US)
    return EventBatch("1", len(rows), columns)


@cache
def llm_hour() -> EventBatch:
    """19,366 requests to a conversation service: tokens in and out, 58 minutes."""
    path = shared("llm_trace_azure2023", "conversation.csv")
    with path.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [parse_instant_us(row["TIMESTAMP"][:26]) for row in rows]
    columns = {
        "tabular.prompt": Column(np.array([float(row["ContextTokens"]) for row in rows])),
        "tabular.output": Column(np.array([float(row["GeneratedTokens"]) for row in rows])),
        "time": Column(np.array(times, dtype=np.int64)),
    }
    return EventBatch("1", len(rows), columns)


@cache
def everyday() -> EventBatch:
    """Rows of one population, in no order: the census of all years.

    Where Elec2 is here, its seven columns stand beside: each person gets one half hour at random.
    """
    people = join(census_reference(), census_traffic())
    columns = {name: column for name, column in people.columns.items() if _compared(name)}
    try:
        market = elec2()
    except Absent:
        return EventBatch(people.version, people.n, columns)
    hours = np.random.default_rng(0).integers(market.n, size=people.n)
    columns |= {n: c.take(hours) for n, c in market.columns.items() if n != "time"}
    return EventBatch(people.version, people.n, columns)


def join(one: EventBatch, other: EventBatch) -> EventBatch:
    """The rows of both; dictionaries are joined."""
    columns = {n: _joined(column, other.columns[n]) for n, column in one.columns.items()}
    return EventBatch(one.version, one.n + other.n, columns)


def only(events: EventBatch, start: int, stop: int) -> EventBatch:
    """Rows ``start`` to ``stop``."""
    return events.take(np.arange(start, stop))


@cache
def _model() -> CensusModel:
    people = reference_people().take(_FITTED_ON)
    return fit(people.features, people.employed, FEATURES)


def _answered(people: People) -> EventBatch:
    """People with a model's answers."""
    score = _model().probability(people.features).round(6)
    columns = {f"tabular.{n}": _feature(n, people.features[n]) for n in FEATURES}
    prediction = Column((score >= 0.5).astype(np.int32), ("0", "1"))
    columns |= {"prediction": prediction, "score": Column(score), "time": Column(people.time_us)}
    return EventBatch("1", len(people), columns)


def _feature(name: str, codes: NDArray[np.int64]) -> Column:
    if name in NUMERIC:
        return Column(codes.astype(np.float64))
    known, places = np.unique(codes, return_inverse=True)
    return Column(places.astype(np.int32), tuple(str(code) for code in known.tolist()))


def _compared(name: str) -> bool:
    return name.startswith("tabular.") or name in {"prediction", "score"}


def _joined(one: Column, other: Column) -> Column:
    if one.dictionary is None or other.dictionary is None:
        return Column(np.concatenate([one.values, other.values]))
    texts = tuple(dict.fromkeys([*one.dictionary, *other.dictionary]))
    places = {text: code for code, text in enumerate(texts)}
    codes = np.array([places[text] for text in other.dictionary], dtype=np.int32)
    return Column(np.concatenate([one.values, codes[other.values]]), texts)
