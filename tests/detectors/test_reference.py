from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.reference import Reference, WindowCut, build_reference
from governance.algebra.bins import CategoryBins, NumericBins
from governance.errors import ConfigError
from governance.event import Column, EventBatch
from tests.detectors.scenes import HOUR_US, component

N = 4_000


def rows(n: int = N, **columns: Any) -> EventBatch:
    """Reference rows; the default is one numeric feature, ``age``."""
    rng = np.random.default_rng(3)
    made = {"tabular.age": Column(rng.normal(40, 12, n))}
    for name, values in columns.items():
        column = Column.encode(values) if isinstance(values, list) else Column(np.asarray(values))
        made[name if name in {"time", "prediction", "score"} else f"tabular.{name}"] = column
    return EventBatch("1", n, made)


def hourly(n: int = N, per_hour: int = 100) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Times of ``per_hour`` rows an hour, evenly spread."""
    return np.arange(n, dtype=np.int64) * (HOUR_US // per_hour)


def built(batch: EventBatch, **blocks: Any) -> Reference:
    return build_reference(batch, component(**blocks))


def lengths(reference: Reference) -> list[int]:
    return [block.k for block in reference.inputs["tabular.age"].ladder]


def test_rows_without_time_are_not_in_order() -> None:
    """A file without times has no ladder of its own, whatever the windows."""
    reference = built(rows(), monitoring={"windows": {"events": 100}})
    assert (reference.ordered, lengths(reference), reference.span_days) == (False, [], None)


def test_baseline_says_that_rows_are_ordered() -> None:
    """With baseline.ordered, panes are cut by count: 40 panes carry lengths 1, 2 and 4."""
    reference = built(rows(), baseline={"ordered": True}, monitoring={"windows": {"events": 100}})
    assert (reference.ordered, lengths(reference)) == (True, [1, 2, 4])


def test_sorted_times_are_order() -> None:
    """Rows that are sorted by time are in order, and their span is known."""
    reference = built(rows(time=hourly()), monitoring={"windows": {"events": 100}})
    assert (reference.ordered, lengths(reference)) == (True, [1, 2, 4])
    assert reference.span_days == pytest.approx(40 / 24, abs=1e-3)


def test_unsorted_times_are_no_order() -> None:
    """Shuffled rows are not in order, but their span still counts for the cap."""
    times = np.random.default_rng(1).permutation(hourly())
    reference = built(rows(time=times), monitoring={"windows": {"events": 100}})
    assert not reference.ordered
    assert reference.span_days is not None


def test_panes_by_time() -> None:
    """Hours are cut by the clock; the last one is never known to be complete."""
    reference = built(rows(time=hourly()), monitoring={"windows": {"every": "1h"}})
    ladder = reference.inputs["tabular.age"].ladder
    assert [(block.k, block.rows) for block in ladder] == [(1, 100.0), (2, 200.0), (4, 400.0)]


def test_slide_counts_whole_windows() -> None:
    """With slide, lengths count windows, not panes."""
    windows = {"every": "2h", "slide": "30m"}
    reference = built(rows(time=hourly()), monitoring={"windows": windows})
    ladder = reference.inputs["tabular.age"].ladder
    assert [(block.k, block.rows) for block in ladder] == [(1, 200.0), (2, 400.0)]
    assert str(reference.windows) == "every: 2h, slide: 30m"


def test_nights_without_rows_are_no_blocks() -> None:
    """Empty panes say nothing of how windows with events differ."""
    times = hourly()
    times[2_000:] += 1_000 * HOUR_US
    reference = built(rows(time=times), monitoring={"windows": {"every": "1h"}})
    assert reference.inputs["tabular.age"].ladder[0].rows == pytest.approx(100, abs=1)


def test_hours_of_rows_without_time_cannot_be_told() -> None:
    """baseline.ordered does not help where windows are hours and rows have no time."""
    reference = built(rows(), baseline={"ordered": True}, monitoring={"windows": {"every": "1h"}})
    assert not reference.ordered


def test_pane_longer_than_an_eighth() -> None:
    """Where eight windows do not fit, rho comes from eight blocks of n0 div 8 rows."""
    reference = built(rows(), baseline={"ordered": True}, monitoring={"windows": {"events": 3_000}})
    (block,) = reference.inputs["tabular.age"].ladder
    assert (block.k, block.rows) == (1, 500.0)


def test_types_of_columns() -> None:
    """Numbers, texts that are numbers, and empty cells are numeric; one word makes categories."""
    reference = built(
        rows(
            text_numbers=["1", "2.5", "", "nan"] * 1_000,
            words=["1", "2", "", "high"] * 1_000,
            empty=[None] * N,
        )
    )
    numeric = {
        name for name, feature in reference.inputs.items() if isinstance(feature.bins, NumericBins)
    }
    assert numeric == {"tabular.age", "tabular.text_numbers", "tabular.empty"}
    assert reference.inputs["tabular.text_numbers"].counts[-2:].tolist() == [1_000, 1_000]


def test_declared_categories() -> None:
    """Numbers that are declared categorical are categories by their canonical text."""
    signals = {"features": {"tabular": {"from": "column:*", "categorical": ["code"]}}}
    reference = built(rows(code=np.tile([1.0, 2.0], N // 2)), signals=signals)
    bins = reference.inputs["tabular.code"].bins
    assert isinstance(bins, CategoryBins)
    assert bins.kept == ("1", "2")


def test_rows_of_values_that_came_once_count_as_unseen() -> None:
    """As a new row would: of many values the next rows bring about as many the reference lacks."""
    rng = np.random.default_rng(5)
    areas: list[str | None] = [f"z{area}" for area in (50 * rng.pareto(1.1, 12_000)).astype(int)]
    columns = {"tabular.area": Column.encode(areas[:10_000])}
    feature = built(EventBatch("1", 10_000, columns)).inputs["tabular.area"]
    bins = feature.bins
    assert isinstance(bins, CategoryBins)
    fresh = Column.encode(areas[10_000:])
    new = bins.count(fresh.values, fresh.dictionary)
    expected, found = feature.counts / feature.counts.sum(), new / new.sum()
    assert expected[-2] > 0.05
    assert np.abs(expected - found).max() < 0.02


def test_predictions_that_are_listed_are_categories() -> None:
    """Where favourable.in lists outcomes, 0 and 1 are categories, not numbers."""
    batch = rows(prediction=np.tile([0.0, 1.0], N // 2), score=np.linspace(0, 1, N))
    outputs = built(batch, signals={"favourable": {"in": ["1"]}}).outputs["1"]
    assert isinstance(outputs["prediction"].bins, CategoryBins)
    assert isinstance(outputs["score"].bins, NumericBins)


def test_excluded_columns_are_left_out() -> None:
    """spec.signals.features.tabular.exclude keeps a column out of the reference."""
    signals = {"features": {"tabular": {"from": "column:*", "exclude": ["id"]}}}
    reference = built(rows(id=np.arange(N, dtype=float)), signals=signals)
    assert list(reference.inputs) == ["tabular.age"]


def test_numbers_are_rounded_as_privacy_rounds_them() -> None:
    """With anonymizationRequired live numbers have three digits, so the reference's have too."""
    privacy = {"dataPrivacy": {"anonymizationRequired": True}}
    reference = built(rows(score=np.full(N, 0.123456)), governance=privacy)
    assert reference.outputs["1"]["score"].bins.maximum == 0.123  # type: ignore[union-attr]


def test_outputs_belong_to_the_version_that_made_them() -> None:
    """Outputs are filed under the batch's version, or under the one that is named."""
    batch = rows(score=np.linspace(0, 1, N))
    assert list(built(batch).outputs) == ["1"]
    assert list(build_reference(batch, component(), version="2").outputs) == ["2"]


@pytest.mark.parametrize("kind", ["constant", "infinite", "missing"])
def test_degenerate_columns(kind: str) -> None:
    """Constant, infinite and missing columns are measured without a warning."""
    value = {"constant": 5.0, "infinite": np.inf, "missing": np.nan}[kind]
    reference = built(rows(odd=np.full(N, value)))
    assert int(reference.inputs["tabular.odd"].counts.sum()) == N


def test_seven_rows_are_measured() -> None:
    """A tiny reference is built; verdicts will say that it is too small."""
    reference = built(rows(7), baseline={"ordered": True}, monitoring={"windows": {"events": 2}})
    assert (reference.rows, lengths(reference)) == (7, [])


def test_no_rows_is_an_error() -> None:
    """An empty file is refused, with what to give instead."""
    with pytest.raises(ConfigError, match="no rows: give at least 1,000"):
        built(EventBatch("1", 0, {}))


def test_no_column_to_compare_is_an_error() -> None:
    """A file without features and outputs is refused, naming the columns that it has."""
    batch = EventBatch("1", 2, {"latency_ms": Column(np.zeros(2))})
    with pytest.raises(ConfigError, match=r"no column to compare.*latency_ms"):
        built(batch)


def test_id_is_the_hash_of_the_content() -> None:
    """The same rows give the same id, other rows another, and the judged version changes none."""
    first, again = built(rows()), built(rows())
    assert first.id == again.id == first.for_version("9").id
    assert len(first.id) == 64
    assert built(rows(extra=np.arange(N, dtype=float))).id != first.id


def test_cut_of_windows() -> None:
    """The cut says its unit, and itself as a spec would."""
    cut = WindowCut.of(component(monitoring={"windows": {"events": 500}}).spec.monitoring.windows)
    assert (cut.unit, str(cut)) == (1, "events: 500")
