"""What features of texts, pictures and recordings cost, in CPU time of one core.

The text is 1 kB of English; the picture 640 x 480, the recording 5 s at 16 kHz.
"""

from __future__ import annotations

import io
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from PIL import Image

from benchmarks.tables.populations import Absent, shared
from collectors.modalities.image import ImageDecoder
from collectors.modalities.text.columns import NUMBERS, Features
from collectors.modalities.text.language import language_of
from collectors.modalities.text.pii import pii_counts
from collectors.modalities.text.prose import Prose
from collectors.modalities.text.refusal import refuses
from collectors.modalities.text.trigrams import trigram_counts
from collectors.modalities.voice import VoiceDecoder
from governance.embeddings import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from governance.algebra.fourier import Projection

TEXT = (
    "All human beings are born free and equal in dignity and rights. They are endowed with reason "
    "and conscience and should act towards one another in a spirit of brotherhood. " * 6
)[:1_000]
SIZES = 256  # vectors that are projected together, as the sidecar does
_ROUNDS = 5


def main() -> None:
    print("text, per kB")
    for name, work in _text_works().items():
        print(f"  {name:<16}{1e6 * seconds(work, 300):>9.1f} µs")
    several = [TEXT] * SIZES
    print(f"  {'3-grams':<16}{1e6 * seconds(partial(trigram_counts, several), 3) / SIZES:>9.1f} µs")
    print("pictures and recordings, each")
    for name, work in _media_works().items():
        print(f"  {name:<16}{1e3 * seconds(work, 3):>9.1f} ms")
    print("Fourier features, per event")
    for modality, projection in SHIPPED.items():
        print(f"  {modality:<16}{1e6 * _projected(projection):>9.1f} µs")
    print("languages of tweets in English")
    try:
        languages = _languages()
    except Absent as error:
        print(f"  {error}")
    else:
        for language, n in languages.most_common():
            print(f"  {language:<16}{n:>9,}{n / languages.total():>8.1%}")


def _languages() -> Counter[str]:
    """What is taken for the language of each tweet, nearly all of which are in English."""
    lines = shared("text_sentiment", "tweets.tsv").read_text(encoding="utf-8").split("\n")
    texts = [line.split("\t")[2] for line in lines[1:] if line]
    return Counter(Features.of(text).language for text in texts)


def _text_works() -> dict[str, Callable[[], object]]:
    prose = Prose.of(TEXT)
    works: dict[str, Callable[[], object]] = {
        "all": partial(Features.of, TEXT),
        "words": partial(Prose.of, TEXT),
        "language": partial(language_of, prose, "latin"),
        "pii": partial(pii_counts, TEXT),
    }
    works |= {name: partial(measure, prose) for name, measure in NUMBERS.items()}
    return works | {"refusal, each": partial(refuses, TEXT)}


def _media_works() -> dict[str, Callable[[], object]]:
    """Decoding included, without which nothing is seen."""
    rng = np.random.default_rng(1)
    shades = np.add.outer(np.linspace(0, 120, 480), np.linspace(0, 120, 640))
    pixels = (shades[:, :, None] + rng.integers(0, 15, (480, 640, 3))).astype(np.uint8)
    samples = rng.normal(0, 0.1, 5 * 16_000)
    images, voices = ImageDecoder(), VoiceDecoder()
    works: dict[str, Callable[[], object]] = {
        f"{kind}, 640 x 480": partial(images.decode, _picture(pixels, kind))
        for kind in ("JPEG", "PNG")
    }
    small = _picture(np.ascontiguousarray(pixels[:32, :32]), "PNG")
    works["PNG, 32 x 32"] = partial(images.decode, small)
    for kind in ("WAV", "FLAC"):
        file = io.BytesIO()
        soundfile.write(file, samples, 16_000, format=kind)
        works[f"{kind}, 5 s"] = partial(voices.decode, file.getvalue())
    return works


def _picture(pixels: NDArray[np.uint8], kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def _projected(projection: Projection) -> float:
    rows = np.random.default_rng(1).random((SIZES, len(projection.scale)))
    return seconds(partial(projection.sums, rows), 3) / SIZES


def seconds(work: Callable[[], object], times: int) -> float:
    """CPU seconds of one call, in the fastest of a few rounds."""
    work()
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - began) / times)
    return best


if __name__ == "__main__":
    main()
