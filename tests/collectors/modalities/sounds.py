"""Sounds and pictures as the bytes of files, made on the spot."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 16_000


def tone(hertz: float = 440.0, seconds: float = 1.0, rate: int = RATE) -> NDArray[np.float64]:
    """A sine at half of full scale."""
    wave: NDArray[np.float64] = 0.5 * np.sin(
        2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate
    )
    return wave


def noise(seconds: float = 1.0, rate: int = RATE, seed: int = 0) -> NDArray[np.float64]:
    """White noise at a tenth of full scale."""
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * rate))


def sound(
    samples: NDArray[Any], rate: int = RATE, kind: str = "WAV", subtype: str = "PCM_16"
) -> bytes:
    """A file of these samples."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def picture(pixels: NDArray[Any], kind: str = "PNG") -> bytes:
    """A file of these pixels (uint8 or uint16, grey or RGB)."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()
