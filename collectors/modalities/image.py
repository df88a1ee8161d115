"""Pictures: their features, and the embedding of 8 x 8 grey pixels.

The embedding has 64 coordinates in [0, 1], row by row: the mean luminance (ITU-R 601) of each
eighth by eighth. Transparency is ignored, of several frames the first counts. The features are
``width`` and ``height`` in pixels, ``aspect`` (width / height), and those of ``image_quality``:
sharpness and blockiness of the middle in full resolution, the others of the whole, made smaller.

Cost: 0.3 ms for a small PNG, 7 ms for a JPEG of 640 x 480, most of it for features
(``python -m benchmarks modalities``).
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.modalities.image_quality import BLOCK, Quality, quality_of
from governance.embeddings import PICTURE_SIDE
from governance.errors import ConfigError, MediaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 2**25  # 33.5 million; a decoder needs up to 4 bytes for each

# Formats without scripts, references to other files or helper programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_DEEP = 65_535.0  # the largest value of 16 bits
_SMALL = 256  # pixels of the longer side, at which colours are looked at
_DETAIL = 512  # pixels of a side of the middle, at which detail is looked at


class ImageDecoder:
    """Decodes pictures.

    Raises
    ------
    ConfigError
        If the library that reads them is not installed.
    """

    features = ("width", "height", "aspect", *Quality._fields)
    coordinates = PICTURE_SIDE**2

    def __init__(self) -> None:
        try:
            from PIL import Image  # noqa: PLC0415 - an extra, and only pictures need it
        except ImportError:
            raise ConfigError(
                "spec.signals.features.image: pictures need the extra media: "
                "pip install 'evenhand[media]'"
            ) from None
        self._pil = Image

    def decode(self, raw: bytes) -> tuple[tuple[float, ...], NDArray[np.float64]]:
        """Numbers in the order of ``features``, and the embedding, shape (64,).

        Raises
        ------
        MediaError
            ``format`` (none of the formats that are read), ``too_many_pixels``, ``truncated``,
            ``damaged``.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with self._pil.open(io.BytesIO(raw), formats=_FORMATS) as picture:
                    width, height = picture.size
                    _check_size(width, height)
                    vector = self._grey(picture)
                    return (width, height, width / height, *self._quality(picture)), vector
        except MediaError:
            raise
        except self._pil.DecompressionBombError as error:
            raise MediaError("too_many_pixels", str(error)) from None
        except Exception as error:  # noqa: BLE001 - a decoder may fail in any way; all are refusals
            raise _refusal(error) from None

    def _grey(self, picture: Any) -> NDArray[np.float64]:
        side, box = (PICTURE_SIDE, PICTURE_SIDE), self._pil.Resampling.BOX
        if picture.mode.startswith("I;16"):  # grey in 16 bits, which Pillow would cut to 8
            deep = self._pil.fromarray(np.asarray(picture, dtype=np.float32) / np.float32(_DEEP))
            return np.asarray(deep.resize(side, box), dtype=np.float64).ravel()
        small = picture.convert("L").resize(side, box)
        return np.asarray(small, dtype=np.float64).ravel() / 255.0

    def _quality(self, picture: Any) -> Quality:
        if picture.mode.startswith("I;16"):
            deep = np.asarray(picture, dtype=np.float32) / np.float32(_DEEP)
            grey = self._pil.fromarray(deep)
            small = np.asarray(self._small(grey), dtype=np.float64)
            detail = np.asarray(grey.crop(_middle(*picture.size)), dtype=np.float64)
            return quality_of(np.repeat(small[:, :, None], 3, axis=2), detail)
        colours = np.asarray(self._small(picture).convert("RGB"), dtype=np.float64)
        detail = np.asarray(picture.crop(_middle(*picture.size)).convert("L"), dtype=np.float64)
        return quality_of(colours / 255.0, detail / 255.0)

    def _small(self, picture: Any) -> Any:
        """The whole picture, at most ``_SMALL`` pixels wide and high."""
        largest = max(picture.size)
        if largest <= _SMALL:
            return picture
        flat = picture if picture.mode == "F" else picture.convert("RGB")
        size = [max(1, round(side * _SMALL / largest)) for side in picture.size]
        return flat.resize(size, self._pil.Resampling.BOX)


def _middle(width: int, height: int) -> tuple[int, int, int, int]:
    """The box of the middle, in steps of blocks, so that edges of blocks stay where they are."""
    left, top = (max(0, (side - _DETAIL) // 2 // BLOCK * BLOCK) for side in (width, height))
    return left, top, min(width, left + _DETAIL), min(height, top + _DETAIL)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise MediaError("too_many_pixels", f"{width} x {height} pixels; at most {MAX_PIXELS:,}")


def _refusal(error: Exception) -> MediaError:
    words = str(error) or type(error).__name__
    if type(error).__name__ == "UnidentifiedImageError":
        return MediaError("format", f"it is none of {', '.join(_FORMATS)}")
    return MediaError("truncated" if "truncated" in words.lower() else "damaged", words)
