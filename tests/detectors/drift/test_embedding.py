from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.drift.detector import make_drift
from detectors.reference import Reference, build_reference
from governance.errors import ShapeError
from governance.event import BatchSum, Column, EventBatch, sum_name
from governance.finding import Status, Verdict
from tests.detectors.scenes import component, empty_pane, pane, view

if TYPE_CHECKING:
    from detectors.base import Detector, Pane
    from governance.component.schema import Component

BINS = 512


def events(n: int, seed: int, *, shift: float = 0.0) -> EventBatch:
    """Texts as counts of 3-grams; ``shift`` makes an eighth of the 3-grams more frequent."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.15 * (1 + shift * (np.arange(BINS) < 64)), (n, BINS))
    words = {"text.words": Column(rng.normal(20, 5, n))}
    return EventBatch("1", n, words, vectors={"text": counts.astype(np.uint16)})


def declared(**blocks: Any) -> Component:
    model = {"name": "m", "version": "1", "modality": ["text"]}
    monitoring = {"windows": {"events": 200}} | blocks.pop("monitoring", {})
    spec = {"model": model, "signals": {}, "baseline": {"ordered": True}} | blocks
    return component(**(spec | {"monitoring": monitoring}))


REFERENCE = build_reference(events(2_000, seed=0), declared())
SUM = sum_name("text", REFERENCE.embeddings["text"].projection.hash)


def detector(reference: Reference = REFERENCE, **blocks: Any) -> Detector:
    return make_drift(declared(**blocks), reference)


def judge(made: Detector, panes: list[Pane]) -> dict[str, Verdict]:
    """Verdicts of check drift, by subject."""
    return {v.subject: v for v in made.judge(view(panes)) if v.check == "drift"}


def one(batch: EventBatch, reference: Reference = REFERENCE, **blocks: Any) -> Verdict:
    """The verdict on the embedding of one pane."""
    made = detector(reference, **blocks)
    return judge(made, [pane(made, batch)])["embedding"]


def summed(batch: EventBatch) -> EventBatch:
    """The batch as it travels: a sum in place of vectors."""
    projection = REFERENCE.embeddings["text"].projection
    vectors = batch.vectors["text"][projection.usable(batch.vectors["text"])]
    total = BatchSum(projection.sums(vectors), len(vectors))
    return replace(batch, vectors={}, sums={SUM: total})


def test_nothing_changed() -> None:
    """Usual texts are ok, with value, interval, and the bar of a family of two."""
    found = one(events(200, seed=1))
    assert (found.status, found.test, found.modality, found.threshold) == (
        Status.OK,
        "mmd",
        "text",
        0.05,
    )
    assert found.value is not None
    assert found.lower is not None
    assert found.upper is not None
    assert 0 <= found.lower <= found.value < found.upper
    assert found.evidence_bar == pytest.approx(math.log10(1_000 * 2))


def test_other_texts_are_found() -> None:
    """Other 3-grams breach the embedding and the component, and are told; lengths are calm."""
    made = detector()
    found = judge(made, [pane(made, events(200, seed=1, shift=3.0))])
    embedding, whole = found["embedding"], found[""]
    assert (embedding.status, whole.status) == (Status.BREACH, Status.BREACH)
    assert embedding.reason.startswith("changed: texts as a whole, MMD 0.")
    assert whole.reason == embedding.reason.replace("changed: ", "changed: embedding: ")
    assert found["words"].status is Status.OK


def test_small_panes_add_up() -> None:
    """A change of which a window of 20 cannot be sure is found in eight of them."""
    made = detector()
    panes = [pane(made, events(20, k, shift=1.2), number=k) for k in range(8)]
    statuses = [judge(made, panes[: k + 1])["embedding"].status for k in range(8)]
    assert statuses[0] is not Status.BREACH
    assert statuses[-1] is Status.BREACH


def test_a_threshold_of_its_own() -> None:
    """It can be named alone, or with its modality, which wins."""
    found = one(events(200, seed=1, shift=3.0), monitoring=_limits(embedding=0.9))
    assert (found.status, found.threshold) == (Status.OK, 0.9)
    both = _limits(**{"embedding": 0.9, "text.embedding": 0.04})
    assert one(events(200, seed=1, shift=3.0), monitoring=both).threshold == 0.04


def test_the_threshold_of_all_subjects_is_not_its_own() -> None:
    """A limit for distances of numbers says nothing about mean embeddings."""
    assert one(events(200, seed=1), monitoring={"drift": {"threshold": 0.3}}).threshold == 0.05


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_sums_say_what_vectors_say(shift: float) -> None:
    """What a collector has summed up gives the same verdict as the vectors themselves."""
    batch = events(200, seed=1, shift=shift)
    assert one(summed(batch)) == one(batch)


def test_sums_of_another_projection_are_not_added() -> None:
    """They are no embeddings of this reference, and the reason names its projection."""
    batch = summed(events(200, seed=1))
    other = replace(batch, sums={"text.fourier.0123456789abcdef": batch.sums[SUM]})
    found = one(other)
    assert found.status is Status.INSUFFICIENT
    assert found.reason.startswith("no_embeddings: no event of the window carries an embedding")
    assert REFERENCE.embeddings["text"].projection.hash in found.reason


def test_events_without_an_embedding_do_not_count() -> None:
    """A text that is missing has no features; the others are judged by their own number."""
    batch = events(200, seed=1)
    batch.vectors["text"][:150] = 0
    assert one(batch).effective_events == pytest.approx(50, rel=0.2)


def test_equal_weights_change_nothing() -> None:
    """Events that all stand for four others weigh as much as if each were alone."""
    batch = events(200, seed=1, shift=1.0)
    weighted = replace(batch, columns={**batch.columns, "weight": Column(np.full(200, 4.0))})
    plain, sampled = one(batch), one(weighted)
    assert (sampled.value, sampled.effective_events) == pytest.approx(
        (plain.value, plain.effective_events), rel=1e-6
    )


def test_vectors_of_another_length() -> None:
    """They are refused, by name of the modality."""
    batch = replace(events(3, seed=1), vectors={"text": np.ones((3, 7))})
    with pytest.raises(ShapeError, match="vectors 'text' have 7 coordinates, the reference's 512"):
        detector().add(batch)


def test_a_sum_of_another_length() -> None:
    """It is refused, by name of the sum."""
    batch = EventBatch("1", 0, {}, {SUM: BatchSum(np.zeros(4, dtype=np.int64), 20)})
    with pytest.raises(ShapeError, match=r"has shape \(4,\), not \(2048,\)"):
        detector().add(batch)


def test_ten_effective_events_are_enough() -> None:
    """Fewer are too small to judge; other subjects need 25."""
    made = detector()
    few = judge(made, [pane(made, events(8, seed=1, shift=9.0))])["embedding"]
    assert few.status is Status.INSUFFICIENT
    assert few.reason.startswith("small: the longest window has 7.9 effective events, at least 10")
    found = judge(made, [pane(made, events(14, seed=1, shift=9.0))])
    assert found["embedding"].status is Status.BREACH
    assert found["words"].status is Status.INSUFFICIENT


def test_a_small_reference() -> None:
    """200 embeddings are needed; the reason says how many there are."""
    small = build_reference(events(199, seed=0), declared())
    assert one(events(200, seed=1), reference=small).reason == (
        "reference: it has 199 embeddings, at least 200 are needed"
    )
    enough = build_reference(events(200, seed=0), declared())
    assert one(events(20, seed=1), reference=enough).status is Status.OK


def test_a_reference_of_equal_texts() -> None:
    """Where nothing varied nothing tells chance from change; no number misleads."""
    same = replace(events(300, seed=0), vectors={"text": np.ones((300, BINS), np.uint16)})
    found = one(events(200, seed=1), reference=build_reference(same, declared()))
    assert found.reason == "reference: all its embeddings are equal"
    assert found.status is Status.INSUFFICIENT


def test_a_reference_without_an_embedding() -> None:
    """It has the modality's features only; what is not judged is said, and what to do."""
    features_only = replace(REFERENCE, embeddings={})
    made = detector(features_only)
    found = judge(made, [pane(made, events(200, seed=1))])
    assert found["embedding"].reason.startswith("reference: it holds no embedding of text: measure")
    assert (found["embedding"].threshold, found["words"].status) == (0.05, Status.OK)
    assert found[""].reason == "not_judged: reference (embedding)"


def test_a_reference_that_was_cut_otherwise() -> None:
    """A profile for other windows is not used."""
    reason = one(events(200, seed=1), monitoring={"windows": {"events": 100}}).reason
    assert "cut for windows of events: 200, the component declares events: 100" in reason


def test_an_empty_pane() -> None:
    """Without an event there is no embedding, and nothing old is shown as new."""
    made = detector()
    found = judge(made, [pane(made, events(200, seed=1)), empty_pane(1)])["embedding"]
    assert (found.status, found.value) == (Status.INSUFFICIENT, None)
    assert found.reason.startswith("no_events")


def test_rows_without_order() -> None:
    """A training table is judged with doubt, which is said and paid for."""
    unordered = build_reference(events(2_000, seed=0), declared(baseline={"ordered": False}))
    found = one(events(200, seed=1), reference=unordered, baseline={"ordered": False})
    assert found.reason.startswith("independence: assumed")
    assert found.effective_events == pytest.approx(1 / (2 * (1 / 200 + 1 / 2_000)))


def test_it_can_be_left_out() -> None:
    """``exclude: [embedding]`` takes it out of the reference and out of the verdicts."""
    signals = {"features": {"text": {"from": "column:t", "exclude": ["embedding"]}}}
    made = detector(signals=signals)
    assert "embedding" not in judge(made, [pane(made, events(200, seed=1))])
    assert not build_reference(events(500, seed=0), declared(signals=signals)).embeddings


def _limits(**thresholds: float) -> dict[str, Any]:
    features = {name: {"threshold": limit} for name, limit in thresholds.items()}
    return {"drift": {"features": features}}
