"""Features of contents that are made of a sample of the events: nothing is biased by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.contents import looked_into
from detectors.drift.detector import make_drift
from detectors.reference import build_reference
from governance.algebra.sums import SQUARED_WEIGHT_SCALE, WEIGHT_SCALE
from governance.embeddings import SHIPPED
from governance.event import BatchSum, Column, EventBatch, sum_name
from governance.finding import Status
from tests.detectors.scenes import component, pane, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.base import Detector, Pane
    from governance.component.schema import Component
    from governance.finding import Verdict

TEXT = SHIPPED["text"]


def declared() -> Component:
    return component(
        model={"name": "m", "version": "1", "modality": ["text"]},
        signals={},
        baseline={"ordered": True},
        monitoring={"windows": {"events": 2_000}},
    )


def events(n: int, seed: int, *, missing: float = 0.0, toxic: float = 0.05) -> EventBatch:
    """Texts whose sentiment is missing in a share, their words and an outcome."""
    rng = np.random.default_rng(seed)
    sentiment = rng.normal(0.1, 0.3, n)
    sentiment[rng.random(n) < missing] = np.nan
    languages = rng.choice(["en", "de"], n, p=[0.9, 0.1])
    return EventBatch(
        "1",
        n,
        {
            "text.characters": Column(rng.normal(80, 20, n).round()),
            "text.sentiment": Column(sentiment),
            "text.toxicity": Column((rng.random(n) < toxic).astype(np.float64)),
            "text.language": Column.encode(languages.tolist()),
            "prediction": Column.encode(rng.choice(["0", "1"], n).tolist()),
        },
    )


def sampled(batch: EventBatch, share: NDArray[np.float64], seed: int) -> EventBatch:
    """The batch of a collector that looked into contents with these probabilities, shape (n,)."""
    asked = np.random.default_rng(seed).random(batch.n) < share
    columns = dict(batch.columns)
    for name in ("text.sentiment", "text.toxicity"):
        columns[name] = Column(np.where(asked, columns[name].values, np.nan))
    languages = batch.columns["text.language"]
    columns["text.language"] = Column(
        np.where(asked, languages.values, -1).astype(np.int32), languages.dictionary
    )
    columns["contents_weight"] = Column(np.where(asked, 1 / share, 0.0))
    return EventBatch(batch.version, batch.n, columns)


REFERENCE = build_reference(events(20_000, seed=0), declared())


def detector() -> Detector:
    made = make_drift(declared(), REFERENCE)
    assert made is not None
    return made


def judge(*batches: EventBatch) -> dict[tuple[str, str], Verdict]:
    made = detector()
    panes = [pane(made, batch, number=i) for i, batch in enumerate(batches)]
    return {(v.check, v.subject): v for v in made.judge(view(panes))}


def test_what_was_not_asked_is_not_missing() -> None:
    """Three of four events without features of contents: neither drift nor missing values."""
    found = judge(sampled(events(2_000, 1), np.full(2_000, 0.25), seed=1))
    assert {v.status for v in found.values()} <= {Status.OK, Status.INSUFFICIENT}
    for name in ("sentiment", "toxicity", "language"):
        assert found["data_quality", name].status is Status.OK
        assert found["data_quality", name].value == 0
        assert found["drift", name].status is Status.OK


def test_a_sample_knows_as_much_as_its_size() -> None:
    """Effective events of contents are those looked into; those of lengths are all."""
    found = judge(sampled(events(2_000, 1), np.full(2_000, 0.25), seed=1))
    assert 300 < (found["drift", "language"].effective_events or 0) < 500
    assert (found["drift", "characters"].effective_events or 0) > 1_500


def test_missing_values_of_a_sample_are_told_without_bias() -> None:
    """The share of missing values that is told is that of all events, not of those not asked."""
    batch = events(20_000, 3, missing=0.3)
    found = judge(sampled(batch, np.full(20_000, 0.25), seed=2))["data_quality", "sentiment"]
    truth = np.isnan(batch.columns["text.sentiment"].values).mean()
    assert found.status is Status.BREACH
    assert abs((found.raw or 0) - truth) < 4 * np.sqrt(truth * (1 - truth) / 5_000)


def test_weighted_shares_are_those_of_all_traffic() -> None:
    """One half is looked into eight times as often as the other, which misses far more values."""
    batch, rng = events(20_000, 4), np.random.default_rng(5)
    gone = rng.random(20_000) < np.repeat([0.1, 0.5], 10_000)
    sentiment = np.where(gone, np.nan, batch.columns["text.sentiment"].values)
    batch = EventBatch("1", 20_000, {**batch.columns, "text.sentiment": Column(sentiment)})
    share = np.repeat([0.5, 1 / 16], 10_000)
    told = []
    for seed in range(20):
        verdict = judge(sampled(batch, share, 100 + seed))["data_quality", "sentiment"]
        told.append(verdict.raw or 0.0)
    standard_error = float(np.std(told)) / np.sqrt(len(told))
    assert standard_error < 0.005
    assert abs(float(np.mean(told)) - gone.mean()) < 4 * standard_error
    unweighted = (5_000 * 0.1 + 625 * 0.5) / 5_625
    assert abs(unweighted - gone.mean()) > 0.1  # what the weights make up for


def test_without_any_that_was_asked_the_reason_says_so() -> None:
    """It names the budget; lengths are judged as ever."""
    none = sampled(events(2_000, 6), np.full(2_000, 1e-9), seed=3)
    found = judge(none)
    for check in ("drift", "data_quality"):
        assert found[check, "sentiment"].status is Status.INSUFFICIENT
        assert found[check, "sentiment"].reason.startswith("not_asked:")
        assert found[check, "characters"].status is Status.OK


def test_contents_of_all_events_are_as_if_nothing_were_sampled() -> None:
    """A weight of 1 throughout changes no verdict."""
    batch = events(2_000, 7)
    assert judge(batch) == judge(sampled(batch, np.ones(2_000), seed=4))


def test_both_weights_multiply() -> None:
    """An event stands for 1 / (sampling x share of contents)."""
    columns = {
        "weight": Column(np.array([4.0, 4.0, 1.0])),
        "contents_weight": Column(np.array([2.0, 0.0, 8.0])),
    }
    own = looked_into(EventBatch("1", 3, columns))
    assert own.columns["weight"].values.tolist() == [8.0, 8.0]


def test_a_sum_of_a_sample_stands_for_all_its_events() -> None:
    """Two pods, one of which looked into a tenth: the mean is that of all traffic."""
    rng = np.random.default_rng(8)
    here = rng.poisson(0.2, (400, 512)).astype(np.uint16)
    there = rng.poisson(0.02, (100, 512)).astype(np.uint16) + np.eye(100, 512, dtype=np.uint16)
    whole = EventBatch("1", 400, {}, vectors={"text": here})
    reference = build_reference(
        EventBatch("1", 2_000, {}, vectors={"text": rng.poisson(0.2, (2_000, 512))}), declared()
    )
    made = make_drift(declared(), reference)
    name = sum_name("text", TEXT.hash)
    sums = {name: BatchSum(TEXT.sums(there), 100, weight=10.0)}
    parts = [made.add(whole), made.add(EventBatch("1", 0, {}, sums))]
    twin = TEXT.sums(here) + 10 * TEXT.sums(there)
    assert np.array_equal(parts[0][name] + parts[1][name], twin)
    weights = parts[0][f"{name}.weights"] + parts[1][f"{name}.weights"]
    assert weights.tolist() == [1_400 * WEIGHT_SCALE, (400 + 10_000) * SQUARED_WEIGHT_SCALE]


def _panes(made: Detector, batches: list[EventBatch]) -> list[Pane]:
    return [pane(made, batch, number=i) for i, batch in enumerate(batches)]


def test_a_window_between_two_shares_is_judged() -> None:
    """The share of a ladder's windows may change from pane to pane; nothing moves by it."""
    made = detector()
    batches = [
        sampled(events(2_000, 20 + i), np.full(2_000, share), seed=i)
        for i, share in enumerate((1.0, 0.5, 0.125, 0.125, 0.5, 1.0))
    ]
    verdicts = made.judge(view(_panes(made, batches)))
    assert {v.status for v in verdicts} <= {Status.OK, Status.INSUFFICIENT}
