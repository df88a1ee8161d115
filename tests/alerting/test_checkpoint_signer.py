"""Chains are signed as they grow, while alerts go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from alerting.checkpoint_signer import CheckpointSigner
from governance.audit import AuditEntry
from governance.audit_signature import read_checkpoints, why_not_signed
from governance.clock import ManualClock
from governance.store.audit import Audit
from tests.alerting.stored import open_migrated

if TYPE_CHECKING:
    from pathlib import Path

HOUR_US = 3_600_000_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def test_a_chain_that_grew_is_signed_once_an_hour(tmp_path: Path) -> None:
    """At the start, then at the hour, and only where something was written."""
    store, clock, file = open_migrated(tmp_path), ManualClock(5), tmp_path / "checkpoints"
    audit = Audit(store.engine)
    signer = CheckpointSigner(audit, KEY, file, every_us=HOUR_US, clock=clock)
    audit.append([AuditEntry("shop", 1, "a", "{}"), AuditEntry("bank", 1, "a", "{}")])
    written = [signer.sign_due(), signer.sign_due()]
    audit.append([AuditEntry("shop", 2, "a", "{}")])
    clock.advance(HOUR_US - 1)
    written.append(signer.sign_due())
    clock.advance(1)
    written.append(signer.sign_due())
    assert written == [2, 0, 0, 1]
    found = read_checkpoints(file)
    assert [(one.namespace, one.link.sequence) for one in found] == [
        ("bank", 1),
        ("shop", 1),
        ("shop", 2),
    ]
    assert {why_not_signed(one, KEY.public_key()) for one in found} == {None}
    assert audit.verify("shop", [one.link for one in found if one.namespace == "shop"]).rows == 2
    store.engine.dispose()


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    """Nothing is raised, and nothing is taken for signed."""
    store, clock, file = open_migrated(tmp_path), ManualClock(), tmp_path / "new" / "checkpoints"
    audit = Audit(store.engine)
    audit.append([AuditEntry("shop", 1, "a", "{}")])
    signer = CheckpointSigner(audit, KEY, file, every_us=HOUR_US, clock=clock)
    assert signer.sign_due() == 0
    file.parent.mkdir()
    clock.advance(HOUR_US)
    assert signer.sign_due() == 1
    store.engine.dispose()
