"""Real texts, recordings and pictures through ``evenhand replay``: quiet and loud where they are.

Texts and recordings are those of the folder that EVENHAND_SHARED names; their tests are skipped,
saying so, without it. The pictures are scikit-learn's digits.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from sklearn.datasets import load_digits

from governance.service.cli.main import main
from tests.detectors.scenes import shared_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Pixels = NDArray[np.float64]

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {{name: reader}}
spec:
  model: {{name: m, version: "1", modality: [{modality}]}}
  signals: {{version: column:version, features: {{{modality}: column:content}}}}
  baseline: {{ordered: true}}
  monitoring: {{windows: {{events: {events}}}}}
"""
SPEAKERS = ("jackson", "nicolas", "theo", "yweweler")
# Hendrycks & Dietterich 2019, CIFAR-10-C, severity 1 to 5; ``image_corruptions`` has all of them.
SEVERITIES = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
}


def write(folder: Path, name: str, contents: Iterable[str], version: str = "1") -> Path:
    path = folder / name
    with path.open("a", newline="") as file:
        rows = csv.writer(file)
        if not file.tell():
            rows.writerow(["version", "content"])
        rows.writerows((version, content) for content in contents)
    return path


def embeddings(
    folder: Path, modality: str, rows: Path, reference: Path, *, events: int
) -> list[dict[str, Any]]:
    """The findings on the embedding, window by window."""
    component = folder / "component.yaml"
    component.write_text(COMPONENT.format(modality=modality, events=events))
    out = io.StringIO()
    arguments = ["replay", rows, "--component", component, "--reference", reference, "--json"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        main([*map(str, arguments)])
    findings = [json.loads(line) for line in out.getvalue().splitlines()]
    return [finding for finding in findings if finding["subject"] == "embedding"]


def statuses(findings: Sequence[dict[str, Any]]) -> list[str]:
    return [finding["status"] for finding in findings]


def shuffled(contents: Sequence[str], seed: int = 0) -> list[str]:
    return [contents[place] for place in np.random.default_rng(seed).permutation(len(contents))]


@pytest.fixture(scope="module")
def tweets() -> tuple[list[str], list[str]]:
    """Two random halves of the tweets."""
    texts = shuffled(_texts("tweets.tsv"))
    return texts[:2_000], texts[2_000:]


@pytest.mark.parametrize("events", [50, 200])
def test_tweets_against_tweets_are_silent(
    tweets: tuple[list[str], list[str]], tmp_path: Path, events: int
) -> None:
    """Two random halves of one file: no window breaches."""
    reference = write(tmp_path, "reference.csv", tweets[0])
    rows = write(tmp_path, "rows.csv", tweets[1])
    found = embeddings(tmp_path, "text", rows, reference, events=events)
    assert len(found) == 2_200 // events
    assert set(statuses(found)) == {"ok"}


def test_product_reviews_are_found_in_the_first_window(
    tweets: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    """Another domain, in 50 texts; the distance is that of STATISTICS 3.8."""
    reference = write(tmp_path, "reference.csv", tweets[0])
    rows = write(tmp_path, "rows.csv", shuffled(_texts("product_reviews.tsv"))[:500])
    found = embeddings(tmp_path, "text", rows, reference, events=50)
    assert set(statuses(found)) == {"breach"}
    assert found[0]["value"] == pytest.approx(0.183, abs=0.03)


@pytest.mark.parametrize("events", [20, 50])
def test_the_same_speakers_are_silent(tmp_path: Path, events: int) -> None:
    """Takes 0 to 4 against takes 5 to 9 of the same four speakers."""
    reference = write(tmp_path, "reference.csv", _takes(lambda row: int(row["take"]) < 5))
    rows = write(tmp_path, "rows.csv", _takes(lambda row: int(row["take"]) >= 5))
    found = embeddings(tmp_path, "voice", rows, reference, events=events)
    assert set(statuses(found)) == {"ok"}


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_another_speaker_is_found(tmp_path: Path, speaker: str) -> None:
    """Three speakers are the reference; the fourth breaches within 50 recordings."""
    reference = write(tmp_path, "reference.csv", _takes(lambda row: row["speaker"] != speaker))
    rows = write(tmp_path, "rows.csv", _takes(lambda row: row["speaker"] == speaker))
    found = embeddings(tmp_path, "voice", rows, reference, events=20)
    assert "breach" in statuses(found)[:3]


@pytest.mark.parametrize("change", ["noise", "gain", "narrow"])
def test_a_worse_microphone_is_found(tmp_path: Path, change: str) -> None:
    """Noise 10 dB below the voice, a tenth of the gain, half of the band: within 100 recordings."""
    reference = write(tmp_path, "reference.csv", _takes(lambda row: int(row["take"]) < 5))
    clips = _takes(lambda row: int(row["take"]) >= 5)[:100]
    worse = [_worse(clip, change, tmp_path / f"{n}.wav") for n, clip in enumerate(clips)]
    rows = write(tmp_path, "rows.csv", worse)
    found = embeddings(tmp_path, "voice", rows, reference, events=50)
    assert statuses(found)[-1] == "breach"


def test_corrupted_pictures(tmp_path: Path) -> None:
    """Digits against digits are silent; distances grow with severity in all four families."""
    images = load_digits().images / 16
    images = images[np.random.default_rng(0).permutation(len(images))]
    reference = write(tmp_path, "reference.csv", _pictures(tmp_path, "clean", images[:900]))
    rows = write(tmp_path, "rows.csv", _pictures(tmp_path, "same", images[900:1_300]), "same")
    for family, severities in SEVERITIES.items():
        for severity in severities:
            name = f"{family} {severity}"
            corrupted = _corrupted(images[1_300:1_700], family, severity)
            write(tmp_path, "rows.csv", _pictures(tmp_path, name, corrupted), name)
    found = embeddings(tmp_path, "image", rows, reference, events=400)
    by_name = {finding["version"]: finding for finding in found}
    assert by_name["same"]["status"] == "ok"
    for family, severities in SEVERITIES.items():
        values = [by_name[f"{family} {severity}"]["value"] for severity in severities]
        assert values == sorted(values)
        assert by_name[f"{family} {severities[-1]}"]["status"] == "breach"


def _texts(name: str) -> list[str]:
    lines = (shared_folder() / "data" / "text_sentiment" / name).read_text().split("\n")
    return [line.split("\t")[2] for line in lines[1:] if line]


def _takes(wanted: Callable[[dict[str, str]], bool]) -> list[str]:
    folder = shared_folder() / "data" / "voice_digits"
    with (folder / "index.csv").open() as file:
        return shuffled(
            [str(folder / "wav" / r["file"]) for r in csv.DictReader(file) if wanted(r)]
        )


def _worse(clip: str, change: str, path: Path) -> str:
    samples, rate = soundfile.read(clip)
    if change == "noise":
        loudness = np.sqrt((samples**2).mean() / 10)
        samples = samples + np.random.default_rng(len(samples)).normal(0, loudness, len(samples))
    elif change == "gain":
        samples = samples / 10
    else:
        spectrum = np.fft.rfft(samples)
        spectrum[len(spectrum) // 2 :] = 0
        samples = np.fft.irfft(spectrum, len(samples))
    soundfile.write(path, samples, rate)
    return path.name


def _pictures(folder: Path, name: str, images: Pixels) -> list[str]:
    (folder / name).mkdir()
    paths = [f"{name}/{number}.png" for number in range(len(images))]
    for path, pixels in zip(paths, images, strict=True):
        Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(folder / path)
    return paths


def _corrupted(images: Pixels, family: str, severity: float) -> Pixels:
    rng = np.random.default_rng(0)
    match family:
        case "gaussian_noise":
            changed = images + rng.normal(0, severity, images.shape)
        case "impulse_noise":
            hit = rng.random(images.shape) < severity
            changed = np.where(hit, rng.integers(0, 2, images.shape), images)
        case "brightness":
            changed = images + severity
        case _:
            mean = images.mean(axis=(1, 2), keepdims=True)
            changed = (images - mean) * severity + mean
    return np.clip(changed, 0, 1)
