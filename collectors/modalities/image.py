"""Pictures: width, height, and the embedding of 8 x 8 grey pixels.

The embedding has 64 coordinates in [0, 1], row by row: the mean luminance (ITU-R 601) of each
eighth by eighth. Transparency is ignored, of several frames the first counts.

Cost: about 0.2 ms for a small PNG, 10 ms per megapixel of JPEG.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.embeddings import PICTURE_SIDE
from governance.errors import ConfigError, MediaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 2**25  # 33.5 million; a decoder needs up to 4 bytes for each

# Formats without scripts, references to other files or helper programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_DEEP = 65_535.0  # the largest value of 16 bits


class ImageDecoder:
    """Decodes pictures.

    Raises
    ------
    ConfigError
        If the library that reads them is not installed.
    """

    features = ("width", "height")
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

    def decode(self, raw: bytes) -> tuple[tuple[float, float], NDArray[np.float64]]:
        """Width and height in pixels, and the embedding, shape (64,).

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
                    _check_size(*picture.size)
                    return picture.size, self._grey(picture)
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


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise MediaError("too_many_pixels", f"{width} x {height} pixels; at most {MAX_PIXELS:,}")


def _refusal(error: Exception) -> MediaError:
    words = str(error) or type(error).__name__
    if type(error).__name__ == "UnidentifiedImageError":
        return MediaError("format", f"it is none of {', '.join(_FORMATS)}")
    return MediaError("truncated" if "truncated" in words.lower() else "damaged", words)
