"""From verdicts to findings, and from late labels to their revisions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from detectors.panes import Said
from governance.finding import Finding, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detectors.era import Spec
    from detectors.panes import PaneState
    from governance.finding import Verdict


_PROVISIONAL = "provisional until"  # in the reason of a verdict that waits for labels (base.py)


@dataclass(frozen=True, slots=True)
class Author:
    """Whose verdicts become findings: a spec and a version."""

    spec: Spec
    version: str


def first_findings(
    author: Author, pane: PaneState, verdicts: Iterable[tuple[bool, Verdict]]
) -> list[Finding]:
    """Findings of a pane that closes; those marked True may be revised later."""
    findings = []
    for revisable, verdict in verdicts:
        finding = _finding(author, pane, verdict, pane.base_revision)
        if revisable:
            pane.said[finding.id] = _said(finding)
        findings.append(finding)
    return findings


def revised_findings(
    author: Author, pane: PaneState, verdicts: Iterable[Verdict], *, last: bool
) -> list[Finding]:
    """New revisions of label-based findings whose content changed; the last one always counts."""
    findings = []
    for verdict in verdicts:
        finding = _finding(author, pane, verdict, pane.base_revision)
        before = pane.said.get(finding.id)
        if verdict.labels is None and not (before and before.provisional):
            continue
        if before is not None:
            if before.digest == _digest(verdict) and not last:
                continue
            finding = _finding(author, pane, verdict, before.revision + 1)
        pane.said[finding.id] = _said(finding)
        findings.append(finding)
    return findings


def _said(finding: Finding) -> Said:
    verdict = finding.verdict
    return Said(finding.revision, _digest(verdict), _PROVISIONAL in verdict.reason)


def _finding(author: Author, pane: PaneState, verdict: Verdict, revision: int) -> Finding:
    spec = author.spec
    return Finding(
        component=spec.component.key,
        version=author.version,
        generation=spec.generation,
        window=Window(
            spec.monitoring.windows.kind, pane.number, pane.start_us, pane.end_us, pane.partial
        ),
        verdict=verdict,
        revision=revision,
        reference=spec.reference_id,
        lost=dict(sorted(pane.lost.items())),
        sums=_digest_of_sums(pane.packed, pane.packed_outcomes),
    )


@lru_cache(maxsize=16)  # all findings of a window name the same
def _digest_of_sums(packed: bytes, outcomes: bytes) -> str:
    return hashlib.sha256(packed + outcomes).hexdigest()


def _digest(verdict: Verdict) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(verdict), digest_size=8).digest()
