"""Signs where the audit chains stand, and appends it to a file that somebody keeps elsewhere."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from governance.audit_signature import sign
from governance.clock import SECOND_US

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from governance.audit import Link
    from governance.clock import Clock
    from governance.store.audit import Audit

_log = logging.getLogger("evenhand.alerting")


class CheckpointSigner:
    """A line for each chain that has grown, at most once in ``every_us``.

    The first comes at once: a program that is restarted often signs all the same.
    """

    def __init__(
        self, audit: Audit, key: Ed25519PrivateKey, file: Path, *, every_us: int, clock: Clock
    ) -> None:
        self._audit = audit
        self._key = key
        self._file = file
        self._every_seconds = every_us / SECOND_US
        self._clock = clock
        self._next_at = float("-inf")
        self._signed: dict[str, Link] = {}

    def sign_due(self) -> int:
        """Sign if it is time; how many lines were written.

        A file that cannot be written is said, and tried again at the next time: alerts go on.
        """
        now = self._clock.monotonic()
        if now < self._next_at:
            return 0
        self._next_at = now + self._every_seconds
        heads = self._audit.heads()
        grown = {name: head for name, head in heads.items() if self._signed.get(name) != head}
        at_us = self._clock.now_us()
        lines = [sign(self._key, name, head, at_us).to_line() for name, head in grown.items()]
        try:
            self._append(lines)
        except OSError as error:
            _log.warning("audit checkpoints cannot be written to %s: %s", self._file, error)
            return 0
        self._signed |= grown
        return len(lines)

    def _append(self, lines: list[str]) -> None:
        if not lines:
            return
        with self._file.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
