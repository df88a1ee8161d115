"""Several modalities of one component: each is judged for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.drift.detector import make_drift
from detectors.reference import Reference, build_reference
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict
from tests.detectors.scenes import component, pane, view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from governance.component.schema import Component

MODALITIES = ["text", "voice"]


def events(n: int, seed: int, *, voice: float = 0.0, outcome: float = 0.5) -> EventBatch:
    """Texts and recordings; ``voice`` moves all coordinates of the recordings by so many sd."""
    rng = np.random.default_rng(seed)
    columns = {
        "text.words": Column(rng.normal(20, 5, n)),
        "voice.level_db": Column(rng.normal(-30 + 5 * voice, 5, n)),
        "tabular.age": Column(rng.normal(40, 9, n)),
        "prediction": Column((rng.random(n) < outcome).astype(np.int32), ("no", "yes")),
    }
    vectors: dict[str, NDArray[Any]] = {
        "text": rng.poisson(0.15, (n, 512)).astype(np.uint16),
        "voice": rng.normal(voice, 1, (n, 54)).astype(np.float32),
    }
    return EventBatch("1", n, columns, vectors=vectors)


def declared(modalities: list[str] = MODALITIES, **blocks: Any) -> Component:
    spec: dict[str, Any] = {
        "model": {"name": "m", "version": "1", "modality": modalities},
        "signals": {},
        "baseline": {"ordered": True},
        "monitoring": {"windows": {"events": 200}},
    }
    return component(**(spec | blocks))


REFERENCE = build_reference(events(2_000, seed=0), declared())


def judge(
    batch: EventBatch, reference: Reference | None = REFERENCE, **blocks: Any
) -> dict[tuple[str, str], Verdict]:
    """Verdicts of check drift, by modality and subject."""
    made = make_drift(declared(**blocks), reference)
    verdicts = made.judge(view([pane(made, batch)]))
    return {(v.modality, v.subject): v for v in verdicts if v.check == "drift"}


def test_a_reference_holds_the_declared_modalities() -> None:
    """Features and embeddings of what the component reads, and of nothing else."""
    assert set(REFERENCE.inputs) == {"text.words", "voice.level_db"}
    assert set(REFERENCE.embeddings) == set(MODALITIES)


def test_calm() -> None:
    """Each modality has its own verdict; the outputs are a family without a modality."""
    found = judge(events(200, seed=1))
    assert set(found) == {
        *(("text", subject) for subject in ("", "words", "embedding")),
        *(("voice", subject) for subject in ("", "level_db", "embedding")),
        *(("", subject) for subject in ("", "prediction")),
    }
    assert {verdict.status for verdict in found.values()} == {Status.OK}


def test_a_voice_that_drifts_while_text_is_calm() -> None:
    """The component's verdict says exactly that, and the voice's names what is to blame."""
    found = judge(events(200, seed=1, voice=1.0))
    whole = found["", ""]
    assert whole.status is Status.BREACH
    assert whole.reason.startswith("changed: voice (level_db: above ")
    assert "; embedding: recordings as a whole, MMD 0." in whole.reason
    assert "); calm: text, outputs; not_declared: " in whole.reason
    assert found["voice", ""].status is Status.BREACH
    assert "embedding: recordings as a whole, MMD 0." in found["voice", ""].reason
    assert "level_db: above " in found["voice", ""].reason
    assert found["text", ""].status is Status.OK
    assert found["", "prediction"].status is Status.OK


def test_outputs_are_blamed_on_no_modality() -> None:
    """A prediction that drifts does not make text or voice drift."""
    found = judge(events(200, seed=1, outcome=0.9))
    assert found["", ""].status is Status.BREACH
    assert found["", ""].reason.startswith("changed: prediction: no fell from 50")
    assert "; calm: text, voice; not_declared: " in found["", ""].reason
    assert {found[modality, ""].status for modality in MODALITIES} == {Status.OK}


@pytest.mark.parametrize("modality", MODALITIES)
def test_outputs_belong_to_a_modality_that_is_alone(modality: str) -> None:
    """As the features of a table do."""
    found = judge(events(200, seed=1), modalities=[modality])
    assert found[modality, "prediction"].status is Status.OK
    assert {name for name, _ in found} == {modality}


def test_each_modality_needs_a_reference() -> None:
    """Without one each says so; with one that lacks a modality, that modality says so."""
    found = judge(events(200, seed=1), reference=None)
    assert set(found) == {("", ""), ("text", ""), ("voice", "")}
    assert found["", ""].reason.startswith(f"{found['text', ''].reason}; not_declared: ")
    assert {v.reason.partition(":")[0] for v in found.values()} == {"no reference"}
    text_only = build_reference(events(2_000, seed=0), declared(["text"]))
    lacking = judge(events(200, seed=1), reference=replace(text_only, outputs={}))
    assert lacking["voice", ""].reason.startswith("reference: it holds no feature")
    assert lacking["text", ""].status is Status.OK
    assert lacking["", ""].status is Status.OK
    assert lacking["", ""].reason.startswith("not_judged: voice (reference: it holds no feature")


def test_a_modality_that_stays_away() -> None:
    """Recordings that come no more are missing values of their features, and no embedding."""
    batch = events(200, seed=1)
    columns = {name: c for name, c in batch.columns.items() if not name.startswith("voice")}
    silent = replace(batch, columns=columns, vectors={"text": batch.vectors["text"]})
    found = judge(silent)
    assert found["voice", "embedding"].reason.startswith("no_embeddings: ")
    assert found["voice", "level_db"].reason.startswith("not_seen: no event of the window carries")
    assert found["voice", ""].status is Status.INSUFFICIENT
    assert found["", ""].reason.startswith(
        "not_judged: voice (not_judged: not_seen (level_db), no_embeddings (embedding)); "
    )
    made = make_drift(declared(), REFERENCE)
    quality = {
        (v.modality, v.subject): v.status
        for v in made.judge(view([pane(made, silent)]))
        if v.check == "data_quality"
    }
    assert quality["voice", "level_db"] is Status.BREACH
    assert quality["text", "words"] is Status.OK


def test_a_modality_that_is_not_declared() -> None:
    """It is counted and listed by the component's verdict, and by no modality's."""
    found = judge(events(200, seed=1))
    remark = "not_declared: tabular (200 events), which spec.model.modality does not list"
    assert found["", ""].reason == remark
    assert {found[modality, ""].reason for modality in MODALITIES} == {""}
    alone = judge(events(200, seed=1), modalities=["text"])
    assert alone["text", ""].reason.startswith("not_declared: tabular (200 events), voice (200 ev")
    assert found["text", ""].status is Status.OK
