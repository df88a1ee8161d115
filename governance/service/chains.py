"""Checking audit chains, in the database or in files, against signed checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.audit import Chain, genesis, verify
from governance.audit_export import read_export
from governance.audit_signature import load_public_key, read_checkpoints, why_not_signed
from governance.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from governance.audit import Link
    from governance.audit_signature import Checkpoint
    from governance.store.audit import Audit


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of one namespace's chain gave."""

    namespace: str
    anchor: Link
    chain: Chain
    checkpoints: int = 0  # signed ones that were looked at

    @property
    def holds(self) -> bool:
        """Whether nothing was edited, removed or moved."""
        return self.chain.broken is None

    def to_json(self) -> dict[str, Any]:
        """One object for scripts."""
        broken = self.chain.broken
        return {
            "namespace": self.namespace,
            "holds": self.holds,
            "rows": self.chain.rows,
            "anchor": {"sequence": self.anchor.sequence, "hash": self.anchor.hash},
            "last": {"sequence": self.chain.head.sequence, "hash": self.chain.head.hash},
            "checkpoints": self.checkpoints,
            "broken": broken and {"sequence": broken.sequence, "reason": broken.reason},
        }

    def in_words(self) -> str:
        """One line for people."""
        chain = self.chain
        if chain.broken is not None:
            place, why = chain.broken.sequence, chain.broken.reason
            return (
                f"{self.namespace}: BROKEN at row {place}: {why} ({chain.rows} rows before it hold)"
            )
        since = f", since the anchor {self.anchor.sequence}" if self.anchor.sequence else ""
        seen = f", {self.checkpoints} checkpoints hold" if self.checkpoints else ""
        return f"{self.namespace}: {chain.rows} rows hold{since}, up to {chain.head.sequence}{seen}"


def trusted(files: Iterable[Path], public_key: Path | None) -> dict[str, list[Checkpoint]]:
    """Checkpoints by namespace, each with a signature that holds.

    Raises
    ------
    ConfigError
        If a file cannot be read, or there is no key to check signatures with.
    PermanentError
        If a signature does not hold.
    """
    files = list(files)
    if files and public_key is None:
        raise ConfigError("checkpoints are worth what their signatures are: give --public-key PEM")
    found: dict[str, list[Checkpoint]] = {}
    if public_key is None:
        return found
    key = load_public_key(public_key)
    for path in files:
        for number, checkpoint in enumerate(read_checkpoints(path), start=1):
            if (why_not := why_not_signed(checkpoint, key)) is not None:
                raise PermanentError("audit_checkpoint", f"{path}: entry {number}: {why_not}")
            found.setdefault(checkpoint.namespace, []).append(checkpoint)
    return found


def check_stored(
    audit: Audit, namespaces: Iterable[str], marks: dict[str, list[Checkpoint]]
) -> Iterator[Checked]:
    """Check chains in the database."""
    for name in namespaces:
        known = marks.get(name, [])
        with audit.reading(name) as stored:
            links = [checkpoint.link for checkpoint in known]
            chain = verify(stored.rows, stored.anchor, stored.head, links)
            yield Checked(name, stored.anchor, chain, len(known))


def check_files(files: Iterable[Path], marks: dict[str, list[Checkpoint]]) -> Iterator[Checked]:
    """Check exported chains; one that begins at its genesis must name the right one."""
    for path in files:
        for exported in read_export(path):
            known = marks.get(exported.namespace, [])
            links = [checkpoint.link for checkpoint in known]
            if exported.anchor.sequence == 0:
                links.append(genesis(exported.namespace))
            chain = verify(exported.rows, exported.anchor, exported.head, links)
            yield Checked(exported.namespace, exported.anchor, chain, len(known))
