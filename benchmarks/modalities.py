"""What features of texts, pictures and recordings cost, in CPU time of one core.

The text is 1 kB of English; the picture 640 x 480, the recording 5 s at 16 kHz.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from collectors.modalities.text.columns import NUMBERS, Features
from collectors.modalities.text.language import language_of
from collectors.modalities.text.pii import pii_counts
from collectors.modalities.text.prose import Prose
from collectors.modalities.text.refusal import refuses
from collectors.modalities.text.trigrams import trigram_counts
from governance.embeddings import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable

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
    print("Fourier features, per event")
    for modality, projection in SHIPPED.items():
        print(f"  {modality:<16}{1e6 * _projected(projection):>9.1f} µs")


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
