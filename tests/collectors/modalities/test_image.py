from __future__ import annotations

import struct
import sys
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors.modalities.image import MAX_PIXELS, ImageDecoder
from governance.errors import ConfigError, MediaError
from tests.collectors.modalities.sounds import picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECODER = ImageDecoder()


def grey(n: int = 8, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (n, n), dtype=np.uint8)


def reason(raw: bytes) -> str:
    with pytest.raises(MediaError) as caught:
        DECODER.decode(raw)
    return caught.value.reason


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_eight_by_eight_pixels_are_themselves() -> None:
    """Row by row, in [0, 1]."""
    pixels = grey()
    size, vector = DECODER.decode(picture(pixels))
    assert list(size[:2]) == [8, 8]
    assert vector == pytest.approx(pixels.ravel() / 255)


def test_larger_pictures_are_averaged() -> None:
    """Each eighth by eighth is the mean of its pixels, to one of 255 steps."""
    pixels = grey(64)
    _, vector = DECODER.decode(picture(pixels))
    means = pixels.reshape(8, 8, 8, 8).mean(axis=(1, 3)) / 255
    assert np.abs(vector - means.ravel()).max() <= 1 / 255


def test_width_comes_first() -> None:
    """Width, then height."""
    size, vector = DECODER.decode(picture(np.zeros((10, 30), np.uint8)))
    assert list(size[:2]) == [30, 10]
    assert not vector.any()


def test_colours_become_luminance() -> None:
    """Green is brighter than blue, white is 1."""
    colours = np.zeros((8, 24, 3), np.uint8)
    colours[:, :8, 1], colours[:, 8:16, 2], colours[:, 16:] = 255, 255, 255
    _, vector = DECODER.decode(picture(colours))
    row = vector.reshape(8, 8)[0]
    assert row[0] == pytest.approx(0.587, abs=0.01)
    assert row[4] == pytest.approx(0.114, abs=0.01)
    assert row[7] == 1.0


def test_sixteen_bits_are_not_cut_to_eight() -> None:
    """A deep grey picture has the same brightness as a shallow one."""
    pixels = grey()
    _, deep = DECODER.decode(picture(pixels.astype(np.uint16) * 257))
    _, shallow = DECODER.decode(picture(pixels))
    assert deep == pytest.approx(shallow, abs=1e-6)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_other_formats(kind: str) -> None:
    """An even grey is that grey, in whichever format."""
    _, vector = DECODER.decode(picture(np.full((32, 32), 128, np.uint8), kind))
    assert vector == pytest.approx(np.full(64, 128 / 255), abs=0.02)


@pytest.mark.parametrize(
    "raw", [b"", b"P", b"hello" * 50, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_no_picture(raw: bytes) -> None:
    """Bytes that are no picture, or one that would start a helper program, are refused."""
    assert reason(raw) == "format"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
def test_a_cut_off_file(kind: str) -> None:
    """Half a file is refused, not half read."""
    raw = picture(grey(256), kind)
    assert reason(raw[: len(raw) // 2]) in {"truncated", "damaged"}


@pytest.mark.parametrize("side", [5_793, 9_500, 30_000, 2**31 - 1])
def test_bombs(side: int) -> None:
    """A few bytes that claim more pixels than the limit are refused before any is decoded."""
    assert side**2 > MAX_PIXELS
    assert reason(png_header(side, side)) in {"too_many_pixels", "format", "damaged"}


def test_noise_in_the_place_of_data() -> None:
    """Whatever byte is wrong, there is a refusal or a picture, and no other error."""
    raw = picture(grey(16))
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(raw)
        for place in rng.integers(8, len(raw), 3):
            damaged[place] = rng.integers(256)
        _try(bytes(damaged))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConfigError, match=r"pip install 'evenhand\[media\]'"):
        ImageDecoder()


def _try(raw: bytes) -> Any:
    try:
        return DECODER.decode(raw)
    except MediaError as error:
        return error
