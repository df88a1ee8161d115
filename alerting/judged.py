"""Audit lines of judged windows: what each finding said, by hash, and what it was read from.

One line a window and round, before the alerts that follow from it. The finding's hash is that of
its JSON line, so a finding that is edited later no longer fits; ``sums`` is the hash of what the
window had added up. A revision by late labels has a line of its own.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from governance.audit import Cause, entry_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from alerting.declared import Declared
    from governance.audit import AuditEntry
    from governance.component.key import ComponentKey
    from governance.store.findings import StoredFinding

KIND = "window.judged"


def judged_entries(
    stored: Iterable[StoredFinding],
    declared: Callable[[ComponentKey], Declared | None],
    now_us: int,
) -> list[AuditEntry]:
    """A line for each window of a component that keeps an audit trail, in order of judgement."""
    windows: dict[tuple[Any, ...], list[StoredFinding]] = {}
    for row in stored:
        owner = declared(row.component)
        if owner is None or owner.audited:
            windows.setdefault(_window(row), []).append(row)
    return [_entry(rows, declared(rows[0].component), now_us) for rows in windows.values()]


def finding_hash(body: str) -> str:
    """SHA-256 of a finding's JSON line."""
    return hashlib.sha256(body.encode()).hexdigest()


def _window(row: StoredFinding) -> tuple[Any, ...]:
    """Whose window it is; findings of two states of its sums have a line each."""
    finding = json.loads(row.body)
    window = finding["window"]
    return row.component, row.version, window["kind"], window["number"], finding.get("sums")


def _entry(rows: list[StoredFinding], declared: Declared | None, now_us: int) -> AuditEntry:
    first = json.loads(rows[0].body)
    facts = {
        "component": str(rows[0].component),
        "version": rows[0].version,
        "window": first["window"],
        "sums": first.get("sums"),
        "reference": first["reference"],
        "findings": [[row.id, row.revision, finding_hash(row.body)] for row in rows],
    }
    statuses = sorted({row.status.value for row in rows})
    cause = Cause(f"judged: {', '.join(statuses)}", generation=first["generation"])
    if declared is not None and declared.generation == first["generation"]:
        cause = declared.cause(cause.reason)
    namespace = rows[0].component.namespace
    return entry_of(namespace, now_us, KIND, cause, facts)
