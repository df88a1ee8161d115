"""Recordings: their features, and the embedding of their log-mel spectrum.

The embedding has 54 coordinates: means and deviations over time of 26 log-mel bands from 0 to 8
kHz, the logarithm of the duration, the level. Bands are in hertz, whatever the sample rate: a band
above half of it holds the floor, so a recording that was limited to a narrower band is seen.
Channels are averaged. Only the first minute is looked at. The features are ``duration_seconds``,
``level_db`` (of full scale), ``sample_rate_hz``, and those of ``voice_quality``.

Reads what libsndfile reads: WAV, FLAC, Ogg, MP3, AIFF and more. Cost: about 1 ms per second of
sound at 16 kHz (``python -m benchmarks modalities``).
"""

from __future__ import annotations

import io
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.modalities.media import decibels
from collectors.modalities.voice_quality import clipping, loudness, pitch, spectrum_shape
from governance.embeddings import VOICE_BANDS
from governance.errors import ConfigError, MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_SECONDS = 60.0  # of a recording that are looked at
MAX_SAMPLES = 4_000_000  # likewise, at high sample rates
SAMPLE_RATES = (1_000, 384_000)  # Hz, lowest and highest
MAX_CHANNELS = 16

_WINDOW_SECONDS, _HOP_SECONDS = 0.025, 0.010
_TOP_HZ = 8_000.0
_FLOOR = 1e-10  # mean square of a band; -100 dB
_BINS_AT_ONCE = 2**19  # of the spectra that are in memory at one time
_BLOCK = 65_536  # samples per channel
_STREAMED = frozenset({0, 0xFFFFFFFF})  # RIFF sizes of who did not know how long it would become


class VoiceDecoder:
    """Decodes recordings.

    Raises
    ------
    ConfigError
        If the library that reads them is not installed.
    """

    features = (
        "duration_seconds",
        "level_db",
        "sample_rate_hz",
        "clipping",
        "silence",
        "signal_to_noise_db",
        "pitch_hz",
        "spectral_centroid_hz",
        "roll_off_hz",
    )
    coordinates = 2 * VOICE_BANDS + 2

    def __init__(self) -> None:
        try:
            import soundfile  # noqa: PLC0415 - an extra, and only recordings need it
        except (ImportError, OSError):  # OSError: libsndfile itself is not there
            raise ConfigError(
                "spec.signals.features.voice: recordings need the extra media: "
                "pip install 'evenhand[media]'"
            ) from None
        self._soundfile = soundfile

    def decode(self, raw: bytes) -> tuple[tuple[float, ...], Floats]:
        """Numbers in the order of ``features``, and the embedding, shape (54,).

        Raises
        ------
        MediaError
            ``format`` (nothing that libsndfile knows, or an impossible rate or number of
            channels), ``truncated``, ``empty`` (no sample), ``not_finite``.
        """
        _check_whole(raw)
        samples, rate, seconds = self._samples(raw)
        level = decibels(float(np.mean(samples**2)))
        bands, power = _looked_at(samples, rate)
        shape = [math.log(max(seconds, 1e-3)), level]
        vector = np.concatenate([bands.mean(axis=0), bands.std(axis=0), shape])
        numbers = (seconds, level, float(rate), clipping(samples), *loudness(samples, rate))
        return (*numbers, pitch(samples, rate), *spectrum_shape(power, rate)), vector

    def _samples(self, raw: bytes) -> tuple[Floats, int, float]:
        """Mono samples in [-1, 1] of the first minute, their rate, seconds of the whole."""
        try:
            with self._soundfile.SoundFile(io.BytesIO(raw)) as sound:
                rate = _checked_rate(sound)
                most = min(MAX_SAMPLES, int(MAX_SECONDS * rate))
                samples = _mono(sound, most)
                frames = int(sound.frames)
        except MediaError:
            raise
        except Exception as error:  # noqa: BLE001 - a decoder may fail in any way; all are refusals
            raise MediaError("format", f"libsndfile cannot read it: {error}") from None
        if not len(samples):
            raise MediaError("empty", "it holds no sample")
        if not np.isfinite(samples).all():
            raise MediaError("not_finite", "it holds samples that are no numbers")
        whole = frames if len(samples) == most and frames >= most else len(samples)
        return samples, rate, whole / rate


def log_mel(samples: Floats, rate: int) -> Iterator[Floats]:
    """Logarithms of the mean square in each mel band, some frames at a time, shape (frames, 26).

    Hann windows of 25 ms every 10 ms. By Parseval the bands of a sound add up to its mean square,
    whatever rate and window length.
    """
    for power in _spectra(samples, rate):
        yield _log_bands(power, rate)


def _looked_at(samples: Floats, rate: int) -> tuple[Floats, Floats]:
    """Log-mel bands, shape (frames, 26), and the mean power spectrum, shape (bins,)."""
    bands, total = [], 0.0
    for power in _spectra(samples, rate):
        bands.append(_log_bands(power, rate))
        total = total + power.sum(axis=0)
    return np.concatenate(bands), np.asarray(total) / sum(map(len, bands))


def _log_bands(power: Floats, rate: int) -> Floats:
    bands: Floats = np.log(power @ _mel_filters(rate, 2 * (power.shape[1] - 1)) + _FLOOR)
    return bands


def _spectra(samples: Floats, rate: int) -> Iterator[Floats]:
    """Power spectra, some frames at a time, shape (frames, bins)."""
    width, hop = round(_WINDOW_SECONDS * rate), max(1, round(_HOP_SECONDS * rate))
    size = 1 << (width - 1).bit_length()
    if len(samples) < width:
        samples = np.pad(samples, (0, width - len(samples)))
    window = np.hanning(width)
    frames = np.lib.stride_tricks.sliding_window_view(samples, width)[::hop]
    step = max(1, _BINS_AT_ONCE // size)
    for start in range(0, len(frames), step):
        spectrum = np.fft.rfft(frames[start : start + step] * window, size)
        yield 2 * np.abs(spectrum) ** 2 / (size * (window @ window))


@lru_cache(maxsize=16)
def _mel_filters(rate: int, size: int) -> Floats:
    """Triangles that are evenly spaced in mel, shape (size / 2 + 1, 26)."""
    mel = np.linspace(0.0, 2595 * math.log10(1 + _TOP_HZ / 700), VOICE_BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.arange(size // 2 + 1)[:, None] * rate / size
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    filters: Floats = np.maximum(0.0, np.minimum(rising, falling))
    return filters


def _mono(sound: Any, most: int) -> Floats:
    parts = [np.empty(0)]
    left = most
    while left > 0:
        block = sound.read(min(left, _BLOCK), dtype="float64", always_2d=True)
        if not len(block):
            break
        parts.append(block.mean(axis=1))
        left -= len(block)
    return np.concatenate(parts)


def _checked_rate(sound: Any) -> int:
    low, high = SAMPLE_RATES
    if not low <= sound.samplerate <= high:
        raise MediaError("format", f"{sound.samplerate} samples a second; {low} to {high} are read")
    if sound.channels > MAX_CHANNELS:
        raise MediaError("format", f"{sound.channels} channels; at most {MAX_CHANNELS} are read")
    return int(sound.samplerate)


def _check_whole(raw: bytes) -> None:
    """Libsndfile takes what is left of a WAV file that was cut off; a monitor must not."""
    if raw[:4] == b"RIFF" and raw[8:12] == b"WAVE":
        said = int.from_bytes(raw[4:8], "little")
        if said not in _STREAMED and said + 8 > len(raw) + 1:
            raise MediaError("truncated", f"it has {len(raw):,} of {said + 8:,} bytes")
