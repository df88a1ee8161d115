from __future__ import annotations

from dataclasses import replace

from alerting.evaluate import observations
from governance.finding import Finding, Status
from tests.alerting.stored import finding


def of(modality: str, subject: str, status: Status) -> Finding:
    usual = finding(3, status, subject)
    return replace(usual, verdict=replace(usual.verdict, modality=modality))


def test_a_component_of_several_modalities_pages_once() -> None:
    """What its own verdict blames has an alert of its own; the verdict adds none beside it."""
    findings = [
        of("", "", Status.BREACH),
        of("voice", "", Status.BREACH),
        of("voice", "embedding", Status.BREACH),
        of("text", "", Status.OK),
        of("", "prediction", Status.OK),
    ]
    found = {
        key.modality: max(judgement.status for judgement in seen.judgements)
        for key, seen in observations([one.to_json() for one in findings])
    }
    assert found == {"voice": Status.BREACH, "text": Status.OK, "": Status.OK}


def test_a_component_of_one_modality_keeps_its_verdict() -> None:
    """There it is the verdict on the modality, the first of the alert's judgements."""
    findings = [of("tabular", "", Status.BREACH), of("tabular", "age", Status.BREACH)]
    ((_, seen),) = observations([one.to_json() for one in findings])
    assert {judgement.subject for judgement in seen.judgements} == {"", "age"}
