"""Fairness of texts and recordings: groups from headers, request fields and declared attributes."""

from __future__ import annotations

import csv
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from collectors.capture import Capture
from detectors.catalog import make_detectors
from detectors.component_state import ComponentState, Position
from governance.finding import Status
from governance.service.cli.main import main
from governance.wire.columns import decode_events, encode_events
from tests.collectors.exchanges import CHAT_PATH, KEYED, component, exchange

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from collectors.base import Exchange
    from governance.component.schema import Component
    from governance.finding import Verdict

PARITY = "demographic_parity_difference"
GROUPS = {
    "region": {"from": "header:X-Customer-Region", "names": {"n": "north", "s": "south"}},
    "age_band": "request:$.user_attributes.age_band",
}
VOICE = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: caller}
spec:
  model: {name: m, version: "1", modality: [voice]}
  governance: {biasDetection: {thresholds: {demographic_parity_difference: 0.1}}}
  signals:
    favourable: {in: ["accepted"]}
    prediction: column:verdict
    groups: {accent: column:accent}
    features: {voice: column:clip}
  monitoring: {windows: {events: 200}}
"""


def chat(level: str) -> Component:
    """A chat model that approves or refuses, judged by region and age band."""
    return component(
        model={"name": "m", "version": "1", "modality": ["text"]},
        governance={
            "dataPrivacy": {"level": level},
            "biasDetection": {"thresholds": {PARITY: 0.1}},
        },
        signals={
            "favourable": {"in": ["approved"]},
            "prediction": "response:$.choices[0].message.content",
            "groups": GROUPS,
        },
        monitoring={"windows": {"events": 400}},
    )


def asked(number: int) -> Exchange:
    """One question: the north is always approved, the south never; bands by turns."""
    north = number % 2 == 0
    request: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "user", "content": f"May I have credit {number}?"}],
        "user_attributes": {"age_band": ("under 40", "40 and over")[number // 2 % 2]},
    }
    answer = {"role": "assistant", "content": "approved" if north else "refused"}
    return exchange(
        CHAT_PATH,
        request,
        {"id": f"chatcmpl-{number}", "model": "m", "choices": [{"message": answer}]},
        request_headers={"X-Customer-Region".lower(): "n" if north else "s"},
    )


def judged(declared: Component) -> dict[str, Verdict]:
    """Fairness by attribute, of 400 exchanges that were captured, written and read back."""
    capture = Capture(declared, KEYED)
    make = partial(make_detectors, keyed=KEYED.category_code)
    state = ComponentState(declared, None, make)
    findings = []
    for number in range(400):
        batch = capture.capture(asked(number))
        assert batch is not None
        read, _ = decode_events(encode_events(batch))
        findings += state.events(read, Position(number, 1_700_000_000_000_000 + number))
    return {f.verdict.subject: f.verdict for f in findings if f.verdict.check == PARITY}


def test_chats_are_judged_by_headers_and_request_fields() -> None:
    """Regions of a header differ by 1, age bands of the request not at all."""
    found = judged(chat("open"))
    assert (found["region"].status, found["region"].value) == (Status.BREACH, 1)
    assert {g.group for g in found["region"].groups} == {"north", "south"}
    assert (found["age_band"].status, found["age_band"].value) == (Status.OK, 0)
    assert {g.group for g in found["age_band"].groups} == {"under 40", "40 and over"}


def test_values_without_names_travel_as_keyed_codes() -> None:
    """At the default privacy declared names show, anything else is a code; verdicts are equal."""
    found = judged(chat("GDPR_compliant"))
    assert {g.group for g in found["region"].groups} == {"north", "south"}
    codes = {g.group for g in found["age_band"].groups}
    code = KEYED.category_code
    assert codes == {code("group.age_band", band) for band in ("under 40", "40 and over")}
    assert (found["region"].status, found["region"].value) == (Status.BREACH, 1)
    assert (found["age_band"].status, found["age_band"].value) == (Status.OK, 0)


def test_recordings_are_judged_by_an_attribute_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clips of two accents, one accepted three times as often: a breach that names both."""
    rng = np.random.default_rng(5)
    for clip in range(4):
        soundfile.write(tmp_path / f"{clip}.wav", rng.normal(0, 0.1, 8_000), 16_000)
    with (tmp_path / "calls.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["clip", "accent", "verdict"])
        for call in range(200):
            accent = ("coast", "hills")[call % 2]
            accepted = rng.random() < (0.9 if accent == "coast" else 0.3)
            rows.writerow([f"{call % 4}.wav", accent, "accepted" if accepted else "refused"])
    (tmp_path / "component.yaml").write_text(VOICE)
    arguments = ["replay", tmp_path / "calls.csv", "--component", tmp_path / "component.yaml"]
    assert main([*map(str, arguments), "--json"]) == 1
    findings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (found,) = [f for f in findings if f["check"] == PARITY]
    assert (found["status"], found["subject"], found["modality"]) == ("breach", "accent", "voice")
    assert {g["group"] for g in found["groups"]} == {"coast", "hills"}
