"""Contents are looked into as far as the CPU budget goes; what is not, biases nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors.capture import Capture
from collectors.cpu_budget import (
    CALM,
    INTERVAL_SECONDS,
    LEAST,
    CpuBudget,
    Share,
    Spent,
    next_share,
)
from collectors.sums import EmbeddingSums
from governance.component.schema import Windows
from governance.embeddings import SHIPPED
from governance.event import sum_name
from tests.collectors.exchanges import CHAT_PATH, KEYED, component, exchange

if TYPE_CHECKING:
    from governance.component.schema import Component
    from governance.event import EventBatch

LIGHT, DEAR = 0.05, 0.8  # CPU seconds a second of all events: without contents, of contents


def run(budget: float, seconds: int, *, dear: float = DEAR, start: Share | None = None) -> Any:
    """Shares of a reader under steady traffic, interval by interval."""
    share = start or Share()
    shares = []
    for _ in range(int(seconds / INTERVAL_SECONDS)):
        contents = dear * INTERVAL_SECONDS / 2**share.halvings
        spent = Spent(INTERVAL_SECONDS, LIGHT * INTERVAL_SECONDS + contents, contents)
        share = next_share(share, spent, budget)
        shares.append(share.halvings)
    return shares


def test_the_share_falls_at_once_to_what_fits() -> None:
    """0.85 of a core against 0.2: an eighth of the contents takes 0.1 beside 0.05."""
    assert run(0.2, 60)[0] == 3
    assert set(run(0.2, 600)) == {3}  # and stays: a quarter would not fit well


def test_the_share_rises_slowly() -> None:
    """Once traffic has fallen it is doubled, each time after half a minute that had room."""
    rising = run(0.2, 300, dear=0.1, start=Share(3))
    assert rising[: CALM - 1] == [3] * (CALM - 1)
    assert [rising.index(n) + 1 for n in (2, 1, 0)] == [CALM, 2 * CALM, 3 * CALM]
    assert rising[-1] == 0


def test_a_share_near_its_bound_does_not_swing() -> None:
    """Twice as much would fit into the budget but not well: the share stays."""
    assert set(run(0.2, 600, dear=0.13, start=Share(1))) == {1}
    assert set(run(0.2, 600, dear=0.13, start=Share(2))) == {1, 2}


def test_the_share_never_falls_to_nothing() -> None:
    """Where all else takes more than the budget, contents of some are looked into still."""
    assert run(0.04, 600)[-1] == LEAST
    weights = CpuBudget.of(_declared(sampling=0.001).spec.capture)
    assert 2**weights.least / 0.001 <= 10_000


class Hand:
    """Clocks that are turned by hand."""

    def __init__(self) -> None:
        self.wall = self.cpu = self.own = 0.0

    def budget(self, cores: float) -> CpuBudget:
        return CpuBudget(
            cores, wall=lambda: self.wall, cpu=lambda: self.cpu, own_cpu=lambda: self.own
        )


def test_intervals_are_judged_once() -> None:
    """CPU time is that of the process, of contents that of the thread that looks."""
    hand = Hand()
    budget = hand.budget(0.2)
    with budget.spending():
        hand.own = 2.0
    hand.wall, hand.cpu = INTERVAL_SECONDS - 0.1, 2.5
    assert budget.heed() is None
    assert budget.weight == 1
    hand.wall, hand.cpu = INTERVAL_SECONDS, 2.6
    assert budget.heed() == pytest.approx(2.6)
    assert budget.weight == 8  # 0.4 are left of the budget's second, and 0.25 taken of them
    assert budget.heed() is None


def _declared(**capture: Any) -> Component:
    return component(
        model={"name": "m", "version": "1", "modality": ["text"]}, capture=capture or {}
    )


def _within(share: float) -> CpuBudget:
    """A budget that has found its share."""
    budget = CpuBudget()
    budget._share = Share(round(-np.log2(share)))
    return budget


def _captured(number: int, capture: Capture, said: str = "You are a damned idiot.") -> EventBatch:
    body = {"messages": [{"role": "user", "content": said}]}
    seen = exchange(CHAT_PATH, body, request_headers={"x-request-id": f"r{number}"})
    batch = capture.capture(seen)
    assert batch is not None
    return batch


def _asked(share: float, n: int = 400, **spec: Any) -> set[int]:
    """Which of n requests are looked into."""
    capture = Capture(_declared(**spec), KEYED, budget=_within(share))
    weights = [_captured(i, capture).columns["contents_weight"].values[0] for i in range(n)]
    assert set(weights) <= {0.0, 1 / share}
    return {i for i, weight in enumerate(weights) if weight}


def test_pods_agree_whose_contents_are_looked_into() -> None:
    """The hash of the id decides: every process the same, a smaller share a part of a larger."""
    half, again, eighth = _asked(0.5), _asked(0.5), _asked(0.125)
    assert half == again
    assert eighth < half
    assert abs(len(half) - 200) < 4 * 10
    assert abs(len(eighth) - 50) < 4 * 7


def test_what_is_not_asked_keeps_its_lengths() -> None:
    """All else that is known of the event is there; features of contents are missing."""
    capture = Capture(_declared(), KEYED, budget=_within(0.5))
    batches = [_captured(i, capture) for i in range(40)]
    for batch in batches:
        columns = batch.columns
        assert columns["text.characters"].values.tolist() == [23.0]
        assert columns["text.words"].values.tolist() == [5.0]
        asked = columns["contents_weight"].values[0] > 0
        assert (columns["text.toxicity"].values[0] > 0) == asked
        assert (columns["text.language"].values[0] >= 0) == asked


def test_all_contents_have_no_weight() -> None:
    """Within the budget the wire is as it was."""
    assert "contents_weight" not in _captured(0, Capture(_declared(), KEYED)).columns


def test_tables_are_never_sampled_by_cost() -> None:
    """A component without contents has no use for the share."""
    capture = Capture(component(), KEYED, budget=_within(0.125))
    seen = exchange("/v1/models/m:predict", {"instances": [{"age": 3}]})
    batch = capture.capture(seen)
    assert batch is not None
    assert "contents_weight" not in batch.columns


def test_both_samplings_draw_by_one_hash() -> None:
    """An event that is sampled out is not looked into either; weights multiply to the truth."""
    capture = Capture(_declared(sampling=0.5), KEYED, budget=_within(0.25))
    total = contents = 0.0
    for i in range(1_000):
        seen = exchange(
            CHAT_PATH,
            {"messages": [{"role": "user", "content": "hello"}]},
            request_headers={"x-request-id": f"r{i}"},
        )
        batch = capture.capture(seen)
        if batch is not None:
            weight = batch.columns["weight"].values[0]
            total += weight
            contents += weight * batch.columns["contents_weight"].values[0]
    assert abs(total - 1_000) < 4 * np.sqrt(1_000)
    assert abs(contents - 1_000) < 4 * np.sqrt(7 * 1_000)


def test_weighted_means_are_those_of_all_events() -> None:
    """Toxicity by weights, over a share that falls while traffic grows more toxic."""
    truth, told, weight = 0.0, 0.0, 0.0
    unweighted: list[float] = []
    for share, toxic in ((0.5, 100), (0.125, 900)):
        capture = Capture(_declared(), KEYED, budget=_within(share))
        for i in range(2_000):
            is_toxic = i % 1_000 < toxic
            said = "damned idiot" if is_toxic else "a good day"
            truth += is_toxic
            columns = _captured(10_000 * toxic + i, capture, said).columns
            own = columns["contents_weight"].values[0]
            weight += own
            if own:
                found = float(columns["text.toxicity"].values[0] > 0)
                told += own * found
                unweighted.append(found)
    assert truth / 4_000 == 0.5
    # Binomial bounds: (1/2 - 1) and (1/8 - 1) variances of 2,000 events each, ratio estimator.
    assert abs(told / weight - 0.5) < 4 * np.sqrt(2_000 * (0.09 + 7 * 0.09)) / 4_000
    assert abs(np.mean(unweighted) - 0.5) > 0.1


def test_sums_say_for_how_many_their_events_stand() -> None:
    """A window whose share changed has a sum of each; together they stand for all of its texts."""
    sums = EmbeddingSums({"text": SHIPPED["text"]}, Windows.model_validate({"every": "1h"}))
    n = 600
    for share in (0.5, 0.25):
        capture = Capture(_declared(), KEYED, embed=("text",), budget=_within(share))
        for i in range(n):
            body = {"messages": [{"role": "user", "content": f"text number {i}"}]}
            headers = {"x-request-id": f"{share} {i}"}
            captured = capture.alone(exchange(CHAT_PATH, body, request_headers=headers))
            assert captured.batch is not None
            times = captured.batch.columns["time"].values
            sums.add("1", times, captured.vectors, weight=captured.weight)
    (ended,) = sums.rest()
    name = sum_name("text", SHIPPED["text"].hash)
    found = {batch.sums[name].weight: batch.sums[name].n for batch in ended.batches}
    assert set(found) == {2.0, 4.0}
    stands = sum(weight * kept for weight, kept in found.items())
    assert abs(stands - 2 * n) < 4 * np.sqrt(n + 3 * n)
