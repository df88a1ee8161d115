"""Pictures and recordings in files: read within limits, decoded, or refused with a reason.

A file that cannot be decoded never stops anything: its event has no features and no embedding, its
``undecodable`` is 1, and the reason is counted.
"""

from __future__ import annotations

import math
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from governance.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_FILE_BYTES = 16 * 1024 * 1024  # as much as the sidecar copies of a body that is media
UNDECODABLE = "undecodable"


class Decoder(Protocol):
    """What one modality sees in the bytes of a file."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the numbers that ``decode`` gives."""

    @property
    def coordinates(self) -> int:
        """Length of an embedding."""

    def decode(self, raw: bytes) -> tuple[Sequence[float], NDArray[np.float64]]:
        """Numbers, and the embedding; raises MediaError if the bytes cannot be decoded."""


@dataclass(frozen=True, slots=True)
class MediaRows:
    """What was seen of n files, and which could not be decoded: name, why.

    ``columns`` are float64 of shape (n,), NaN where there is nothing; ``vectors`` float32 of shape
    (n, coordinates), likewise.
    """

    columns: dict[str, NDArray[np.float64]]
    vectors: NDArray[np.float32]
    refused: list[tuple[str, MediaError]]


def read_media(names: Sequence[str | None], folder: Path, decoder: Decoder) -> MediaRows:
    """Read and decode files; ``names`` are absolute or relative to ``folder``, None = no file."""
    seen = np.full((len(names), len(decoder.features)), np.nan)
    undecodable = np.full(len(names), np.nan)
    vectors = np.full((len(names), decoder.coordinates), np.nan, dtype=np.float32)
    refused = []
    for row, name in enumerate(names):
        if name is None:
            continue
        try:
            numbers, vectors[row] = decoder.decode(read_file(folder, name))
        except MediaError as error:
            undecodable[row] = 1.0
            refused.append((name, error))
        else:
            seen[row], undecodable[row] = numbers, 0.0
    columns = dict(zip(decoder.features, seen.T, strict=True))
    return MediaRows({**columns, UNDECODABLE: undecodable}, vectors, refused)


def read_file(folder: Path, name: str) -> bytes:
    """The bytes of a regular file.

    Raises
    ------
    MediaError
        ``missing``, ``no_file`` (a folder, a pipe, a device), ``unreadable``, ``empty``, or
        ``too_large``.
    """
    try:
        path = folder / name
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise MediaError("no_file", "it is no regular file")
        if found.st_size > MAX_FILE_BYTES:
            raise MediaError("too_large", f"{found.st_size:,} bytes; at most {MAX_FILE_BYTES:,}")
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise MediaError("missing", "there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise MediaError("unreadable", getattr(error, "strerror", None) or str(error)) from None
    if not raw:
        raise MediaError("empty", "it holds no byte")
    return raw


def decibels(mean_square: float) -> float:
    """The level of a mean square amplitude, in dB of full scale, at least -100."""
    return 10 * math.log10(max(mean_square, 1e-10))
