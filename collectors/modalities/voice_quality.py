"""What a recording is like: clipping, silence, noise, pitch, brightness of its spectrum.

===========================  ==============================================================
feature                      what it is, and its source
===========================  ==============================================================
``clipping``                 share of samples at full scale
``silence``                  share of 20 ms frames below -50 dB of full scale
``signal_to_noise_db``       level of loud frames (90th percentile) above quiet ones (10th)
``pitch_hz``                 median over voiced frames, 60 to 500 Hz, by YIN (de Cheveigné &
                             Kawahara, JASA 2002); missing where nothing is voiced
``spectral_centroid_hz``     mean frequency, weighted by power
``roll_off_hz``              frequency below which 85 % of the power lies
===========================  ==============================================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FRAME_SECONDS = 0.020
SILENT_DB = -50.0
PITCHES = (60.0, 500.0)  # Hz, lowest and highest of a voice

_FULL_SCALE = 0.999
_LOUDEST_RATIO_DB = 100.0
_ROLL_OFF = 0.85
_PITCH_SECONDS = 0.050  # of a frame: three periods of the lowest voice
_PITCH_FRAMES = 200  # at most, spread evenly
_PITCH_RATE = 8_000  # samples a second are enough for 500 Hz
_VOICED = 0.15  # YIN's threshold of aperiodicity


def clipping(samples: Floats) -> float:
    """Share of samples at full scale; samples in [-1, 1], shape (n,)."""
    return float(np.count_nonzero(np.abs(samples) >= _FULL_SCALE) / len(samples))


def loudness(samples: Floats, rate: int) -> tuple[float, float]:
    """Share of silent frames, and how far loud frames are above quiet ones in dB, at most 100."""
    size = max(1, round(FRAME_SECONDS * rate))
    n = max(1, len(samples) // size)
    frames = samples[: n * size].reshape(n, -1)
    square = np.maximum((frames**2).mean(axis=1), 1e-10)
    level = 10 * np.log10(square)
    quiet, loud = np.percentile(level, [10, 90])
    return float((level < SILENT_DB).mean()), float(min(_LOUDEST_RATIO_DB, loud - quiet))


def spectrum_shape(power: Floats, rate: int) -> tuple[float, float]:
    """Centroid and roll-off in Hz of a mean power spectrum, shape (bins,); NaN without power."""
    total = float(power.sum())
    if total <= 0:
        return math.nan, math.nan
    hertz = np.linspace(0, rate / 2, len(power))
    below = np.searchsorted(np.cumsum(power), _ROLL_OFF * total)
    return float(hertz @ power / total), float(hertz[min(int(below), len(hertz) - 1)])


def pitch(samples: Floats, rate: int) -> float:
    """Median pitch of voiced frames in Hz; NaN where no frame is voiced.

    YIN's steps 2, 3 and 5: difference function, cumulative mean normalisation, parabola through
    the first dip below the threshold.
    """
    step = max(1, rate // _PITCH_RATE)
    slow = samples[: len(samples) // step * step].reshape(-1, step).mean(axis=1)
    slow_rate = rate / step
    width = round(_PITCH_SECONDS * slow_rate)
    if len(slow) < width:
        return math.nan
    starts = np.unique(np.linspace(0, len(slow) - width, _PITCH_FRAMES).astype(np.intp))
    frames = np.lib.stride_tricks.sliding_window_view(slow, width)[starts]
    loud = 10 * np.log10(np.maximum((frames**2).mean(axis=1), 1e-10)) > SILENT_DB
    longest, shortest = round(slow_rate / PITCHES[0]), int(slow_rate / PITCHES[1])
    found = _periods(frames[loud], longest, shortest)
    voiced = found[np.isfinite(found)]
    return float(slow_rate / np.median(voiced)) if len(voiced) else math.nan


def _periods(frames: Floats, longest: int, shortest: int) -> Floats:
    """The period of each frame in samples, shape (n,); NaN where it is not voiced."""
    dips = _normalised(_difference(frames, longest))
    lags = np.arange(dips.shape[1])
    low = (dips < _VOICED) & (lags >= max(2, shortest)) & (lags < longest)
    # The bottom of the first dip: below the threshold, and no longer falling.
    rising = np.diff(dips, axis=1, append=np.inf) >= 0
    bottom = low & rising
    best = bottom.argmax(axis=1)
    rows = np.arange(len(dips))
    left, middle, right = (dips[rows, np.clip(best + k, 0, longest)] for k in (-1, 0, 1))
    curve = left - 2 * middle + right
    shift = np.where(curve > 0, (left - right) / np.where(curve > 0, 2 * curve, 1.0), 0.0)
    return np.where(bottom.any(axis=1), best + shift, np.nan)


def _difference(frames: Floats, longest: int) -> Floats:
    """Squared differences of the first part of each frame with itself shifted, (n, lags)."""
    n, width = frames.shape
    part = width - longest
    size = 1 << (2 * width - 1).bit_length()
    head = np.zeros((n, width))
    head[:, :part] = frames[:, :part]
    product = np.fft.rfft(frames, size) * np.conj(np.fft.rfft(head, size))
    together = np.fft.irfft(product, size)[:, : longest + 1]
    energy = np.concatenate([np.zeros((n, 1)), np.cumsum(frames**2, axis=1)], axis=1)
    shifted = energy[:, part : part + longest + 1] - energy[:, : longest + 1]
    difference: Floats = np.maximum(0.0, shifted[:, :1] + shifted - 2 * together)
    return difference


def _normalised(difference: Floats) -> Floats:
    """Each difference by the mean of those of shorter lags; 1 at lag 0 and where all are 0."""
    lags = np.arange(1, difference.shape[1])
    mean = np.cumsum(difference[:, 1:], axis=1) / lags
    normal = np.ones_like(difference)
    np.divide(difference[:, 1:], mean, out=normal[:, 1:], where=mean > 0)
    return normal
