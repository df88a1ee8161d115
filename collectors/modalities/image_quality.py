"""What a picture is like: brightness, contrast, colour, detail, sharpness, blocks.

=================  ==============================================================================
feature            what it is, and its source
=================  ==============================================================================
``brightness``     mean luminance, in [0, 1]
``contrast``       its standard deviation, "RMS contrast" (Peli, JOSA A 1990)
``colourfulness``  sqrt(s_rg^2 + s_yb^2) + 0.3 sqrt(m_rg^2 + m_yb^2) of 8-bit opponent colours
                   (Hasler & Süsstrunk, SPIE 2003): 0 is grey, above 80 very colourful
``entropy``        of the histogram of 256 luminances, in bits, at most 8
``sharpness``      variance of the Laplacian of the luminance (Pech-Pacheco et al., ICPR 2000)
``blockiness``     mean step across the edges of 8 x 8 blocks / mean step elsewhere, after Wang,
                   Sheikh & Bovik (ICIP 2002): 1 is none, JPEG at low quality has 2 and more
=================  ==============================================================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BLOCK = 8  # pixels of a side, as JPEG and most video cut pictures
_LEVELS = 256
_NO_STEP = 1e-6  # of luminance; a picture without steps has no blocks


class Quality(NamedTuple):
    """Numbers of one picture."""

    brightness: float
    contrast: float
    colourfulness: float
    entropy: float
    sharpness: float
    blockiness: float


def quality_of(colours: Floats, detail: Floats) -> Quality:
    """Measure a picture.

    Parameters
    ----------
    colours
        The whole picture, made smaller or not, shape (height, width, 3), in [0, 1].
    detail
        Luminance of a part in full resolution that begins at the edge of a block, shape
        (height, width), in [0, 1].
    """
    luminance = colours @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    return Quality(
        float(luminance.mean()),
        float(luminance.std()),
        colourfulness(colours),
        entropy(luminance),
        sharpness(detail),
        blockiness(detail),
    )


def colourfulness(colours: Floats) -> float:
    """Hasler and Süsstrunk's metric; ``colours`` in [0, 1], shape (height, width, 3)."""
    red, green, blue = np.moveaxis(255.0 * colours, -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = math.hypot(float(red_green.std()), float(yellow_blue.std()))
    return spread + 0.3 * math.hypot(float(red_green.mean()), float(yellow_blue.mean()))


def entropy(luminance: Floats) -> float:
    """Shannon's entropy of the luminance in 8 bits; of a picture in [0, 1]."""
    levels = np.rint(luminance * (_LEVELS - 1)).astype(np.intp).ravel()
    share = np.bincount(levels, minlength=_LEVELS) / levels.size
    share = share[share > 0]
    return float(max(0.0, -(share * np.log2(share)).sum()))


def sharpness(detail: Floats) -> float:
    """Variance of the 4-neighbour Laplacian; 0 where there is no inner pixel."""
    if min(detail.shape) < 3:
        return 0.0
    inner = detail[1:-1, 1:-1]
    around = detail[:-2, 1:-1] + detail[2:, 1:-1] + detail[1:-1, :-2] + detail[1:-1, 2:]
    return float((around - 4 * inner).var())


def blockiness(detail: Floats) -> float:
    """Steps at edges of blocks / steps elsewhere; 1 where there is no edge or no step."""
    edges = edge_steps = rest = rest_steps = 0.0
    for axis in (0, 1):
        steps = np.abs(np.diff(detail, axis=axis))
        at_edges = steps[BLOCK - 1 :: BLOCK] if axis == 0 else steps[:, BLOCK - 1 :: BLOCK]
        edges, edge_steps = edges + float(at_edges.sum()), edge_steps + at_edges.size
        rest, rest_steps = rest + float(steps.sum()), rest_steps + steps.size
    rest, rest_steps = rest - edges, rest_steps - edge_steps
    if not edge_steps or not rest_steps:
        return 1.0
    at, elsewhere = edges / edge_steps, rest / rest_steps
    return 1.0 if at + elsewhere < _NO_STEP else at / max(_NO_STEP, elsewhere)
