from __future__ import annotations

import io
import struct
import sys
import wave

import numpy as np
import pytest

from collectors.modalities import voice
from collectors.modalities.voice import VoiceDecoder, log_mel
from governance.embeddings import SHIPPED, VOICE_BANDS
from governance.errors import ConfigError, MediaError
from tests.collectors.modalities.sounds import RATE, noise, sound, tone

DECODER = VoiceDecoder()


def reason(raw: bytes) -> str:
    with pytest.raises(MediaError) as caught:
        DECODER.decode(raw)
    return caught.value.reason


def test_duration_level_and_rate() -> None:
    """A sine at half of full scale is 9 dB below it."""
    (seconds, level, rate, *_), vector = DECODER.decode(sound(tone(seconds=1.5)))
    assert (seconds, rate) == (1.5, RATE)
    assert level == pytest.approx(-9.03, abs=0.01)
    assert vector.shape == (DECODER.coordinates,) == (len(SHIPPED["voice"].scale),)
    assert vector[-2:] == pytest.approx([np.log(1.5), level])


def test_a_tone_is_in_its_band() -> None:
    """The band with most of the energy is the one around the tone's frequency."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8_000 / 700), 28) / 2595) - 1)
    for hertz in (200.0, 1_000.0, 3_000.0, 6_000.0):
        _, vector = DECODER.decode(sound(tone(hertz)))
        loudest = int(np.argmax(vector[:VOICE_BANDS]))
        assert edges[loudest] < hertz < edges[loudest + 2]


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_bands_do_not_depend_on_the_sample_rate(rate: int) -> None:
    """A tone below 4 kHz looks alike at every rate that can hold it."""
    _, usual = DECODER.decode(sound(tone(1_000.0)))
    _, other = DECODER.decode(sound(tone(1_000.0, rate=rate), rate))
    loud = usual[:VOICE_BANDS] > -12
    assert loud.sum() >= 2
    assert other[:VOICE_BANDS][loud] == pytest.approx(usual[:VOICE_BANDS][loud], abs=0.2)


def test_bands_above_half_of_the_rate_are_silent() -> None:
    """A narrow recording is told from a wide one."""
    _, narrow = DECODER.decode(sound(noise(rate=8_000), 8_000))
    _, wide = DECODER.decode(sound(noise()))
    assert narrow[VOICE_BANDS - 1] == pytest.approx(np.log(1e-10))
    assert wide[VOICE_BANDS - 1] > -12


def test_frames_agree_with_a_slow_twin() -> None:
    """One frame at a time, with a discrete Fourier transform by its definition."""
    rate, samples = 2_000, noise(0.1, 2_000)
    (found,) = log_mel(samples, rate)
    width, hop, size = 50, 20, 64
    window = np.hanning(width)
    turns = np.outer(np.arange(size // 2 + 1), np.arange(width)) / size
    filters = voice._mel_filters(rate, size)
    for row, start in zip(found, range(0, len(samples) - width + 1, hop), strict=True):
        framed = samples[start : start + width] * window
        spectrum = (framed * np.exp(-2j * np.pi * turns)).sum(axis=1)
        power = 2 * np.abs(spectrum) ** 2 / (size * (window**2).sum())
        assert row == pytest.approx(np.log(power @ filters + 1e-10))


def test_pieces_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many frames are looked at in one go, the embedding is the same."""
    raw = sound(noise(0.7))
    _, usual = DECODER.decode(raw)
    monkeypatch.setattr(voice, "_BINS_AT_ONCE", 7 * 512)
    monkeypatch.setattr(voice, "_BLOCK", 1_000)
    assert DECODER.decode(raw)[1] == pytest.approx(usual)


def test_channels_are_averaged() -> None:
    """Two equal channels are as one."""
    mono = noise(0.3)
    _, one = DECODER.decode(sound(mono))
    _, two = DECODER.decode(sound(np.stack([mono, mono], axis=1)))
    assert two == pytest.approx(one)


def test_only_the_first_minute_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The duration is still that of the whole."""
    monkeypatch.setattr(voice, "MAX_SECONDS", 0.5)
    samples = np.concatenate([np.zeros(RATE // 2), noise(3.0)])
    (seconds, level, *_), _ = DECODER.decode(sound(samples))
    assert (seconds, level) == (3.5, -100.0)


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.ones(1) * 0.5, np.full(40, -1.0)])
def test_silence_and_clicks(samples: np.ndarray) -> None:
    """Digital silence and recordings shorter than a frame have finite embeddings."""
    _, vector = DECODER.decode(sound(samples))
    assert np.isfinite(vector).all()


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS")])
def test_other_formats(kind: str, subtype: str) -> None:
    """A second is a second, compressed or not."""
    (seconds, level, *_), _ = DECODER.decode(sound(tone(), kind=kind, subtype=subtype))
    assert (seconds, level) == pytest.approx((1.0, -9.03), abs=0.05)


def test_a_cut_off_file() -> None:
    """WAV says how long it should be; what libsndfile would take as shorter is refused."""
    raw = sound(noise())
    assert reason(raw[: len(raw) // 2]) == "truncated"


def test_a_stream_of_unknown_length() -> None:
    """Who wrote before knowing the length is read to the end."""
    raw = bytearray(sound(noise(0.5)))
    raw[4:8] = raw[40:44] = b"\xff\xff\xff\xff"
    (seconds, *_), _ = DECODER.decode(bytes(raw))
    assert seconds == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "raw", [b"", b"RIFF", b"hello" * 100, sound(noise())[100:], b"OggS" + bytes(400)]
)
def test_no_sound(raw: bytes) -> None:
    """Bytes that are no recording are refused."""
    assert reason(raw) == "format"


def test_a_file_without_samples() -> None:
    """A header alone is empty."""
    assert reason(sound(np.zeros(0))) == "empty"


def test_samples_that_are_no_numbers() -> None:
    """Floating point files can hold NaN."""
    samples = np.append(noise(0.1), np.nan)
    assert reason(sound(samples, subtype="FLOAT")) == "not_finite"


@pytest.mark.parametrize(("rate", "channels"), [(1, 1), (3_000_000, 1), (RATE, 40)])
def test_impossible_headers(rate: int, channels: int) -> None:
    """Rates and numbers of channels beyond a limit are refused before they cost anything."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, 2, rate, 0, "NONE", ""))
        out.writeframes(bytes(2 * channels * 100))
    assert reason(file.getvalue()) == "format"


def test_a_header_that_lies_about_its_length() -> None:
    """A data chunk of four gigabytes that is not there is read to the file's end."""
    raw = bytearray(sound(noise(0.2)))
    raw[40:44] = struct.pack("<I", 0xFFFFFFF0)
    (seconds, *_), _ = DECODER.decode(bytes(raw))
    assert seconds <= 0.21


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ConfigError, match=r"pip install 'evenhand\[media\]'"):
        VoiceDecoder()
