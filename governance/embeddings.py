"""What the embeddings that Evenhand makes itself are projected by, per modality.

Bandwidth, scale and seed of texts and voices are constants, so every collector sums them alike and
needs no profile. Pictures differ too much for that: at one scale for all pixels, noise that is
found in 50 pictures of a scale of their own is not found in 200. Their projection is measured on
the reference rows and comes with the profile.

A model's own embeddings (``spec.signals.embeddings``) are projected by what was measured, too.
Ours are made in ``collectors/modalities``; another way of making them is another name here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from governance.algebra.fourier import Projection, fit_projection
from governance.component.schema import Modality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from governance.component.schema import Component

TRIGRAM_BINS: Final = 512  # counts of hashed character 3-grams
VOICE_BANDS: Final = 26  # means and deviations of log-mel bands (nats), log seconds, level (dB)
PICTURE_SIDE: Final = 8  # grey pixels in [0, 1]

_SEED = 20_261_124

SHIPPED: Mapping[str, Projection] = {
    Modality.TEXT.value: Projection(
        "text-trigrams-512/1", scale=(1.0,) * TRIGRAM_BINS, h=0.9, seed=_SEED, unit=True
    ),
    Modality.VOICE.value: Projection(
        "voice-log-mel-54/1",
        scale=((2.0,) * VOICE_BANDS + (0.75,) * VOICE_BANDS + (0.5, 5.0)),
        h=5.0,
        seed=_SEED,
    ),
}

MEASURED: Mapping[str, str] = {Modality.IMAGE.value: "image-grey-64/1"}
"""Embeddings whose projection is measured on reference rows."""


OWN: Final = "own"
"""The name of an embedding that the model makes."""


def embedding_name(component: Component, modality: str) -> str:
    """Which embedding a component's events carry: ours of that modality, or the model's own."""
    if Modality(modality) in component.spec.signals.embeddings:
        return OWN
    shipped = SHIPPED.get(modality)
    return MEASURED.get(modality, modality) if shipped is None else shipped.embedding


def projection_of(modality: str, vectors: NDArray[Any], *, own: bool = False) -> Projection:
    """What a reference's embeddings are projected by.

    Parameters
    ----------
    modality
        Whose embeddings they are.
    vectors
        The reference's, shape (n, coordinates), none missing.
    own
        Whether the model made them.

    Raises
    ------
    ValueError
        If the projection is measured on rows, and all rows are equal.
    """
    if own:
        return fit_projection(OWN, vectors, _SEED)
    shipped = SHIPPED.get(modality)
    if shipped is not None:
        return shipped
    return fit_projection(MEASURED.get(modality, modality), vectors, _SEED)
