"""Texts, recordings and pictures through ``evenhand baseline`` and ``evenhand replay``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from governance.service.cli.main import main
from tests.collectors.modalities.sounds import noise, picture, sound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: assistant}
spec:
  model: {name: m, version: "1", modality: MODALITIES}
  signals:
    features: FEATURES
  baseline: {ordered: true}
  monitoring: {windows: {events: 50}}
"""
WORDS = "the quick brown fox jumps over a lazy dog while five wizards box"


def component(folder: Path, **features: str) -> Path:
    text = COMPONENT.replace("MODALITIES", json.dumps(list(features)))
    text = text.replace("FEATURES", json.dumps({m: f"column:{c}" for m, c in features.items()}))
    path = folder / "component.yaml"
    path.write_text(text)
    return path


def texts(n: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS.split(), rng.integers(4, 12))) for _ in range(n)]


def clips(folder: Path, n: int, seed: int, *, hum: float = 0.0) -> list[str]:
    """Short noises of different loudness, with a hum over them."""
    rng = np.random.default_rng(seed)
    names = []
    for number in range(n):
        samples = noise(0.1, 8_000, int(rng.integers(2**31))) * rng.uniform(0.3, 1.0)
        samples += hum * np.sin(2 * np.pi * 100 * np.arange(len(samples)) / 8_000)
        path = folder / f"{seed}-{number}.wav"
        path.write_bytes(sound(samples, 8_000))
        names.append(path.name)
    return names


def pictures(folder: Path, n: int, seed: int, *, light: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    names = []
    for number in range(n):
        pixels = rng.integers(0, 120, (8, 8)) + light
        path = folder / f"{seed}-{number}.png"
        path.write_bytes(picture(pixels.astype(np.uint8)))
        names.append(path.name)
    return names


def table(folder: Path, name: str, **columns: Sequence[str]) -> Path:
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def replay(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[Any], str]:
    """Exit code, findings of check drift, and what was said beside them."""
    code = main(["replay", *map(str, arguments), "--json"])
    captured = capsys.readouterr()
    findings = [json.loads(line) for line in captured.out.splitlines()]
    return code, [f for f in findings if f["check"] == "drift"], captured.err


def statuses(findings: list[Any], modality: str, subject: str = "") -> list[str]:
    chosen = (f for f in findings if (f["modality"], f["subject"]) == (modality, subject))
    return [finding["status"] for finding in chosen]


def test_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Usual texts are calm; shouted ones breach in the first window, and say so."""
    declared = component(tmp_path, text="t")
    reference = table(tmp_path, "reference.csv", t=texts(400, 0))
    usual = table(tmp_path, "usual.csv", t=texts(150, 1))
    code, findings, _ = replay(capsys, usual, "--component", declared, "--reference", reference)
    assert (code, statuses(findings, "text")) == (0, ["ok"] * 3)
    loud = table(tmp_path, "loud.csv", t=[text.upper() for text in texts(150, 1)])
    code, findings, _ = replay(capsys, loud, "--component", declared, "--reference", reference)
    assert (code, statuses(findings, "text")) == (1, ["breach"] * 3)
    assert findings[0]["reason"].startswith("changed: embedding: texts as a whole, MMD 0.")


def test_a_profile_judges_like_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``baseline`` keeps all of the reference: the findings are the same, byte for byte."""
    declared = component(tmp_path, text="t", image="p")
    columns = {"t": texts(300, 0), "p": pictures(tmp_path, 300, 0)}
    reference = table(tmp_path, "reference.csv", **columns)
    rows = table(tmp_path, "rows.csv", t=texts(100, 1), p=pictures(tmp_path, 100, 1, light=20))
    profile = tmp_path / "profile.json"
    assert main(["baseline", str(reference), "--component", str(declared), "-o", str(profile)]) == 0
    capsys.readouterr()
    _, by_rows, _ = replay(capsys, rows, "--component", declared, "--reference", reference)
    _, by_profile, _ = replay(capsys, rows, "--component", declared, "--reference", profile)
    assert by_profile == by_rows
    assert statuses(by_rows, "image", "embedding") == ["breach"] * 2


def test_a_voice_that_drifts_while_text_is_calm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exactly that is shown, with what is to blame."""
    declared = component(tmp_path, text="t", voice="clip")
    columns = {"t": texts(250, 0), "clip": clips(tmp_path, 250, 0)}
    reference = table(tmp_path, "reference.csv", **columns)
    columns = {"t": texts(100, 1), "clip": clips(tmp_path, 100, 1, hum=0.05)}
    rows = table(tmp_path, "rows.csv", **columns)
    code, findings, _ = replay(capsys, rows, "--component", declared, "--reference", reference)
    assert code == 1
    assert statuses(findings, "text") == ["ok"] * 2
    assert statuses(findings, "voice") == ["breach"] * 2
    assert statuses(findings, "voice", "embedding") == ["breach"] * 2


def test_baseline_says_what_is_too_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Features need 1,000 rows, embeddings 200; both are counted."""
    declared, profile = component(tmp_path, text="t"), tmp_path / "profile.json"
    for rows, small in ((250, False), (150, True)):
        reference = table(tmp_path, "reference.csv", t=texts(rows, 0))
        main(["baseline", str(reference), "--component", str(declared), "-o", str(profile)])
        captured = capsys.readouterr()
        assert f"{rows} embeddings of text, projection " in captured.out
        assert "too few rows to judge drift of features by: at least 1,000" in captured.err
        assert (f"too few embeddings of text to judge drift by: {rows}" in captured.err) == small


def test_files_that_cannot_be_decoded_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are counted by reason, their rows are replayed, and their share is judged."""
    declared = component(tmp_path, image="p")
    reference = table(tmp_path, "reference.csv", p=pictures(tmp_path, 1_000, 0))
    (tmp_path / "bad.png").write_bytes(picture(np.zeros((8, 8), np.uint8))[:40])
    names = pictures(tmp_path, 30, 1) + ["bad.png"] * 15 + ["gone.png"] * 5
    rows = table(tmp_path, "rows.csv", p=names)
    code, findings, said = replay(capsys, rows, "--component", declared, "--reference", reference)
    assert code == 1
    assert "15 image files not decoded, " in said
    assert "5 image files not decoded, missing: 'gone.png': there is no such file" in said
    assert "50 events" in said
    assert statuses(findings, "image", "undecodable") == ["breach"]


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and the name of the extra."""
    declared = component(tmp_path, voice="clip")
    rows = table(tmp_path, "rows.csv", clip=["a.wav"])
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert main(["replay", str(rows), "--component", str(declared)]) == 2
    assert "pip install 'evenhand[media]'" in capsys.readouterr().err


def test_a_modality_whose_column_is_not_said_is_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reference of texts cannot judge rows that say nowhere where the text is."""
    reference = table(tmp_path, "reference.csv", t=texts(250, 0))
    profile = tmp_path / "profile.json"
    declared = component(tmp_path, text="t")
    assert main(["baseline", str(reference), "--component", str(declared), "-o", str(profile)]) == 0
    silent = component(tmp_path, text="t")
    silent.write_text(silent.read_text().replace('features: {"text": "column:t"}', "features: {}"))
    arguments = [str(reference), "--component", str(silent), "--reference", str(profile)]
    assert main(["replay", *arguments]) == 2
    assert "spec.signals.features.text does not say which column holds it" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("{embedding: {test: ks}}", "an embedding is judged by mmd"),
        ("{text.embedding: {test: psi}}", "an embedding is judged by mmd"),
        ("{embedding: {threshold: 0}}", "greater than 0"),
    ],
)
def test_limits_that_an_embedding_cannot_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], limits: str, words: str
) -> None:
    """``validate`` names the field."""
    declared = component(tmp_path, text="t")
    windows = "windows: {events: 50}"
    text = declared.read_text().replace(windows, f"{windows}, drift: {{features: {limits}}}")
    declared.write_text(text)
    assert main(["validate", str(declared)]) == 1
    assert words in capsys.readouterr().out


def test_the_limit_of_an_embedding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Below it nothing is a breach."""
    declared = component(tmp_path, text="t")
    windows = "windows: {events: 50}"
    limits = "drift: {features: {embedding: {threshold: 0.99}}}"
    declared.write_text(declared.read_text().replace(windows, f"{windows}, {limits}"))
    reference = table(tmp_path, "reference.csv", t=texts(400, 0))
    loud = table(tmp_path, "loud.csv", t=[text.upper() for text in texts(100, 1)])
    _, findings, _ = replay(capsys, loud, "--component", declared, "--reference", reference)
    assert statuses(findings, "text", "embedding") == ["ok"] * 2
    assert {f["threshold"] for f in findings if f["subject"] == "embedding"} == {0.99}


def test_all_columns_are_tables_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``column:*`` is no text."""
    declared = component(tmp_path, text="*")
    assert main(["validate", str(declared)]) == 1
    assert "only spec.signals.features.tabular reads them" in capsys.readouterr().out
