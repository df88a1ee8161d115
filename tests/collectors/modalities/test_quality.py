"""Features of pictures and recordings on synthetic ones, whose answers are known."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from collectors.modalities.image import ImageDecoder
from collectors.modalities.image_quality import (
    blockiness,
    colourfulness,
    entropy,
    quality_of,
    sharpness,
)
from collectors.modalities.voice import VoiceDecoder
from collectors.modalities.voice_quality import clipping, loudness, pitch, spectrum_shape
from tests.collectors.modalities.sounds import RATE, noise, picture, sound, tone

IMAGES, VOICES = ImageDecoder(), VoiceDecoder()


def seen(raw: bytes) -> dict[str, float]:
    numbers, _ = IMAGES.decode(raw)
    return dict(zip(IMAGES.features, numbers, strict=True))


def heard(raw: bytes) -> dict[str, float]:
    numbers, _ = VOICES.decode(raw)
    return dict(zip(VOICES.features, numbers, strict=True))


def grain(height: int = 64, width: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width))


def jpeg(quality: int) -> bytes:
    rng = np.random.default_rng(3)
    slopes = np.linspace(0, 200, 256)[:, None] + rng.normal(0, 12, (256, 256))
    file = io.BytesIO()
    Image.fromarray(np.clip(slopes, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return file.getvalue()


def test_a_flat_grey_picture_has_nothing() -> None:
    """Half bright, and no contrast, colour, detail or block."""
    found = quality_of(np.full((32, 32, 3), 0.5), np.full((32, 32), 0.5))
    assert found == pytest.approx((0.5, 0, 0, 0, 0, 1))


def test_black_and_white_halves() -> None:
    """Contrast of two equal values is half their distance; one bit of entropy."""
    halves = np.repeat(np.repeat([[0.0, 1.0]], 32, axis=0), 16, axis=1)
    found = quality_of(np.repeat(halves[:, :, None], 3, axis=2), halves)
    assert found[:4] == pytest.approx((0.5, 0.5, 0, 1))


def test_entropy_of_all_levels_is_eight_bits() -> None:
    """Each of 256 levels once."""
    assert entropy(np.arange(256).reshape(16, 16) / 255) == pytest.approx(8)


def test_colourfulness_of_two_colours() -> None:
    """Half red and half green: s_rg = 255, m_yb = 127.5, by the formula on paper."""
    colours = np.zeros((2, 2, 3))
    colours[0, :, 0] = colours[1, :, 1] = 1.0
    assert colourfulness(colours) == pytest.approx(255 + 0.3 * 127.5)


def test_sharpness_of_a_single_point() -> None:
    """One white pixel on black: its Laplacian is -4, its four neighbours' is 1."""
    detail = np.zeros((12, 12))
    detail[5, 5] = 1.0
    values = np.array([-4.0, 1, 1, 1, 1] + [0.0] * 95)
    assert sharpness(detail) == pytest.approx(values.var())
    assert sharpness(np.zeros((2, 9))) == 0


def test_blurring_costs_sharpness() -> None:
    """The mean of neighbours is less sharp than what it is of."""
    sharp = grain()
    blurred = (sharp[1:, 1:] + sharp[:-1, 1:] + sharp[1:, :-1] + sharp[:-1, :-1]) / 4
    assert sharpness(blurred) < sharpness(sharp) / 4


def test_blockiness_is_a_ratio_of_steps() -> None:
    """Blocks on a slope of 0.01 a pixel, each raised by 0.05: edges step by six times as much."""
    columns = 0.01 * np.arange(64) + 0.05 * (np.arange(64) // 8)
    assert blockiness(np.add.outer(columns, columns)) == pytest.approx(6)
    assert blockiness(grain()) == pytest.approx(1, abs=0.1)
    assert blockiness(grain(8, 8)) == 1


def test_compression_shows() -> None:
    """JPEG at quality 5 is blocky, at 95 it is not; of large pictures the middle is looked at."""
    low, high = seen(jpeg(5))["blockiness"], seen(jpeg(95))["blockiness"]
    assert low > 2
    assert high < 1.2


def test_a_picture_of_16_bits_is_as_one_of_8() -> None:
    """The same shades give the same numbers, deep or not, large or small."""
    shades = (grain(300, 700) * 255).astype(np.uint8)
    deep = seen(picture(shades.astype(np.uint16) * 257))
    plain = seen(picture(shades))
    assert deep == pytest.approx(plain, rel=1e-2, abs=2e-3)
    assert plain["aspect"] == pytest.approx(7 / 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_has_finite_features(mode: str) -> None:
    """Whatever a file stores, all numbers are numbers."""
    file = io.BytesIO()
    pixels = Image.fromarray((grain(40, 300) * 255).astype(np.uint8))
    pixels.convert(mode).save(file, "TIFF")
    assert all(map(math.isfinite, seen(file.getvalue()).values()))


def test_clipping_is_a_share() -> None:
    """Twice too loud: a sine is at full scale for two thirds of its time."""
    assert clipping(np.clip(4 * tone(101), -1, 1)) == pytest.approx(2 / 3, abs=0.01)
    assert clipping(tone()) == 0


def test_silence_and_noise() -> None:
    """A tone for half the time over noise at -60 dB: half is silent, loud is 51 dB above."""
    quiet = noise(2.0) / 100
    quiet[:RATE] += tone()
    silence, ratio = loudness(quiet, RATE)
    assert silence == pytest.approx(0.5, abs=0.02)
    assert ratio == pytest.approx(51, abs=1)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("hertz", [80.0, 123.4, 220.0, 440.0])
def test_pitch_of_a_voice(hertz: float, rate: int) -> None:
    """A tone with overtones is as high as its first, to 1 %."""
    voice = sum(tone(k * hertz, rate=rate) / k for k in (1, 2, 3, 4)) / 2
    assert pitch(np.asarray(voice), rate) == pytest.approx(hertz, rel=0.01)


def test_noise_and_silence_have_no_pitch() -> None:
    """Missing, not 0: nothing is voiced."""
    assert math.isnan(pitch(noise(), RATE))
    assert math.isnan(pitch(np.zeros(RATE), RATE))
    assert math.isnan(pitch(tone(seconds=0.01), RATE))


def test_centroid_and_roll_off() -> None:
    """Power at 1 and 3 kHz, nine to one: centroid 1.2 kHz, 85 % lie at 1 kHz."""
    power = np.zeros(81)
    power[10], power[30] = 9, 1
    assert spectrum_shape(power, RATE) == pytest.approx((1_200, 1_000))
    assert all(map(math.isnan, spectrum_shape(np.zeros(5), RATE)))


def test_a_recording_has_all_features() -> None:
    """White noise is centred at a quarter of its rate; a tone is where it is."""
    white, pure = heard(sound(noise())), heard(sound(tone()))
    assert white["spectral_centroid_hz"] == pytest.approx(RATE / 4, rel=0.05)
    assert white["roll_off_hz"] == pytest.approx(0.85 * RATE / 2, rel=0.05)
    assert pure["spectral_centroid_hz"] == pytest.approx(440, rel=0.05)
    assert pure["pitch_hz"] == pytest.approx(440, rel=0.01)
    assert pure["clipping"] == pure["silence"] == 0


@pytest.mark.parametrize("seconds", [0.0005, 0.01, 0.03, 0.06])
def test_short_recordings(seconds: float) -> None:
    """Less than a frame is no error."""
    found = heard(sound(tone(seconds=seconds)))
    assert math.isfinite(found["spectral_centroid_hz"])
    assert math.isfinite(found["signal_to_noise_db"])
