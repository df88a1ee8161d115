"""The error tree.

EvenhandError
├── ConfigError            the operator must change something: stop at start, exit code 2
│   └── InvalidComponent   one or more located problems in component or settings files
├── PermanentError         this input will never be right: dead-letter, count, go on
│   ├── WireError          bytes on the bus that cannot be read
│   ├── CaptureError       a request or response that is not valid for its protocol
│   ├── MediaError         a picture or recording that cannot be decoded
│   └── ShapeError         arrays that do not fit each other
├── TransientError         an outside system is away: back off with jitter, retry; exit code 3
│   ├── BusError
│   ├── StoreError
│   ├── Unanswered         a receiver that did not answer as HTTP does
│   └── Full               a bound on what may wait is reached: take nothing more until it falls
└── Fenced                 another owner has claimed this partition: drop everything, rejoin
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class EvenhandError(Exception):
    """Base of every error that Evenhand raises on purpose."""


class ConfigError(EvenhandError):
    """Configuration that cannot work; the message names the thing, the value and the remedy."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file, with its place and its remedy."""

    file: str
    line: int | None  # 1-based; None where the text has no line (a missing file)
    path: str  # dotted, as in ``spec.model.modality[0]``; empty for the whole document
    message: str  # what was found, what is allowed, the nearest key

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class InvalidComponent(ConfigError):
    """Every problem of the files that were read, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class PermanentError(EvenhandError):
    """Input that no retry can mend; ``reason`` is the short code that is counted."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class WireError(PermanentError):
    """A message on the bus that cannot be read."""


class CaptureError(PermanentError):
    """A request or response that is not valid for its protocol."""


class MediaError(PermanentError):
    """A picture or recording that cannot be decoded, or is beyond a limit."""


class ShapeError(PermanentError):
    """Arrays that do not fit each other."""

    def __init__(self, message: str) -> None:
        super().__init__("shape", message)


class TransientError(EvenhandError):
    """An outside system is away or slow; the same call may work later."""


class BusError(TransientError):
    """The bus did not accept or answer in time."""


class StoreError(TransientError):
    """The database did not accept or answer in time."""


class Unanswered(TransientError):
    """A receiver that did not answer; ``code`` is the short reason that is counted."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Full(TransientError):
    """A bound on what may wait is reached; what was offered was not taken."""


class Fenced(EvenhandError):
    """The epoch under which this process writes is no longer the partition's epoch."""
