"""Embedding drift on real texts, recordings and pictures (STATISTICS 3.8)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.populations import shared
from benchmarks.tables.table import Table
from collectors.modalities.text.trigrams import trigram_counts
from collectors.modalities.voice import VoiceDecoder
from detectors.embedding_reference import embedding_reference, measured
from detectors.stats.mmd import log_e_of, mmd_effect, tail_probability
from detectors.stats.overdispersion import effective_size
from governance.algebra.fourier import SUM_SCALE, Projection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from benchmarks.tables.table import Cell
    from detectors.embedding_reference import EmbeddingReference

    Vectors = NDArray[np.generic]
    Floats = NDArray[np.float64]

REPEATS = 400  # references of the null
RUNS = 100  # windows of each size
SIZES = (20, 50, 200)
SURE = np.log(1_000.0)
SPEAKERS = ("jackson", "nicolas", "theo", "yweweler")
# Hendrycks & Dietterich 2019, CIFAR-10-C: severity 1 to 5.
SEVERITIES = {
    "gaussian noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "impulse noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
}


@dataclass(frozen=True, slots=True)
class Looks:
    """What some windows of one size say."""

    p: Floats
    log_e: Floats
    mmd: Floats


def null() -> Table:
    """One window per random reference: how often small probabilities and large evidence come."""
    rows = [
        _null("tweets", "text", _tweets(), 300, 50),
        _null("tweets", "text", _tweets(), 300, 300),
        _null("digits", "image", _digits(), 300, 50),
        _null("digits", "image", _digits(), 300, 300),
    ]
    return Table(
        "Nothing changed: p and e of one window per reference",
        ["rows", "n0", "n", "p < .05", "p < .01", "p < .001", "mean E", "largest E"],
        rows,
        [f"{REPEATS} references each."],
    )


def table() -> Table:
    """Shares of windows with E >= 1,000, and their mean MMD."""
    head = ["reference -> window"]
    head += [text for size in SIZES for text in (f"n = {size}", "MMD")]
    rows = [*_texts(), *_voices(), *_pictures()]
    return Table(
        "Share of windows with E >= 1,000, and mean MMD",
        head,
        rows,
        [f"{RUNS} windows each, drawn from rows that are not in the reference."],
    )


def _null(name: str, modality: str, rows: Vectors, n0: int, n: int) -> list[Cell]:
    rng = np.random.default_rng(38)
    p, log_e = np.empty(REPEATS), np.empty(REPEATS)
    for repeat in range(REPEATS):
        drawn = rows[rng.permutation(len(rows))[: n0 + n]]
        found = _looks(_reference(modality, drawn[:n0]), [drawn[n0:]])
        p[repeat], log_e[repeat] = found.p[0], found.log_e[0]
    below = [float((p < level).mean()) for level in (0.05, 0.01, 0.001)]
    return [name, n0, n, *below, float(np.exp(log_e).mean()), float(np.exp(log_e.max()))]


def _texts() -> Iterator[list[Cell]]:
    tweets, reviews = _tweets(), trigram_counts(_column("product_reviews.tsv"))
    order = np.random.default_rng(0).permutation(len(tweets))
    reference, rest = _reference("text", tweets[order[:2_000]]), tweets[order[2_000:]]
    yield _row("tweets -> tweets", reference, rest)
    yield _row("tweets -> product reviews", reference, reviews)
    yield _row("tweets -> 80 % tweets, 20 % reviews", reference, rest, reviews)


def _voices() -> Iterator[list[Cell]]:
    clips, speakers, takes = _recordings()
    reference = _reference("voice", clips[takes < 5])
    yield _row("takes 0-4 -> takes 5-9, same speakers", reference, clips[takes >= 5])
    for speaker in SPEAKERS:
        others = _reference("voice", clips[speakers != speaker])
        yield _row(f"three speakers -> {speaker}", others, clips[speakers == speaker])


def _pictures() -> Iterator[list[Cell]]:
    images = _digits()[np.random.default_rng(0).permutation(len(_digits()))]
    reference, rest = _reference("image", images[:800]), images[800:]
    yield _row("digits -> digits", reference, rest)
    for family, severities in SEVERITIES.items():
        for number, severity in enumerate(severities, start=1):
            changed = _corrupted(rest, family, severity)
            yield _row(f"digits -> {family} {number}", reference, changed)
    alike = measured(Projection("one scale", (0.25,) * 64, h=6.0, seed=1), images[:800], None)
    if alike is not None:
        changed = _corrupted(rest, "gaussian noise", 0.10)
        yield _row("the same at one scale -> gaussian noise 5", alike, changed)


def _row(name: str, reference: EmbeddingReference, *pools: Vectors) -> list[Cell]:
    cells: list[Cell] = [name]
    for size in SIZES:
        if min(map(len, pools)) < size:
            cells += [None, None]
            continue
        found = _looks(reference, list(_windows(size, pools)))
        cells += [float((found.log_e >= SURE).mean()), float(found.mmd.mean())]
    return cells


def _windows(size: int, pools: tuple[Vectors, ...]) -> Iterator[Vectors]:
    """Windows of the first pool; a fifth of each is of the second, where there is one."""
    rng = np.random.default_rng(size)
    shares = (size,) if len(pools) == 1 else (size - size // 5, size // 5)
    for _ in range(RUNS):
        picked = [
            pool[rng.permutation(len(pool))[:n]] for pool, n in zip(pools, shares, strict=True)
        ]
        yield np.concatenate(picked)


def _looks(reference: EmbeddingReference, windows: list[Vectors]) -> Looks:
    squared, m = np.empty(len(windows)), np.empty(len(windows))
    for place, window in enumerate(windows):
        rows = window[reference.projection.usable(window)]
        mean = reference.projection.sums(rows) / SUM_SCALE / len(rows)
        squared[place] = ((mean - reference.mean) ** 2).sum()
        sizes = np.array([1.0, float(len(rows)), float(reference.rows)])
        m[place] = effective_size(*sizes)
    p = tail_probability(squared, m, reference.null)
    return Looks(p, log_e_of(p), mmd_effect(squared, m, reference.null).value)


def _reference(modality: str, rows: Vectors) -> EmbeddingReference:
    reference = embedding_reference(modality, rows, None)
    if reference is None:
        raise ValueError(f"{len(rows)} rows of {modality} are no reference")
    return reference


@cache
def _tweets() -> Vectors:
    return trigram_counts(_column("tweets.tsv"))


def _column(name: str) -> list[str]:
    lines = shared("text_sentiment", name).read_text(encoding="utf-8").split("\n")
    return [line.split("\t")[2] for line in lines[1:] if line]


@cache
def _recordings() -> tuple[Vectors, NDArray[np.str_], NDArray[np.int64]]:
    """Embeddings of 400 spoken digits, who spoke, and which take it was."""
    index = shared("voice_digits", "index.csv")
    with index.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    decoder = VoiceDecoder()
    raws = [(index.parent / "wav" / row["file"]).read_bytes() for row in rows]
    vectors = np.stack([decoder.decode(raw)[1] for raw in raws])
    takes = np.array([int(row["take"]) for row in rows])
    return vectors, np.array([row["speaker"] for row in rows]), takes


@cache
def _digits() -> Floats:
    """1,797 handwritten digits of 8 x 8 pixels in [0, 1]."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - only this table needs it

    pixels: Floats = load_digits().data / 16
    return pixels


def _corrupted(images: Floats, family: str, severity: float) -> Floats:
    rng = np.random.default_rng(0)
    match family:
        case "gaussian noise":
            changed = images + rng.normal(0, severity, images.shape)
        case "impulse noise":
            hit = rng.random(images.shape) < severity
            changed = np.where(hit, rng.integers(0, 2, images.shape), images)
        case "brightness":
            changed = images + severity
        case _:
            mean = images.mean(axis=1, keepdims=True)
            changed = (images - mean) * severity + mean
    pixels: Floats = np.rint(np.clip(changed, 0, 1) * 255) / 255
    return pixels
