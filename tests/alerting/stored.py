"""Findings as a detect worker writes them, and a store on SQLite to put them in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from governance.component.key import ComponentKey
from governance.component.schema import API_VERSION, KIND
from governance.finding import Finding, Status, Verdict, Window
from governance.service.stores import Store
from governance.store.checkpoints import Checkpoint, Checkpoints, GenerationRow, RegisterRow
from governance.store.engine import open_engine
from governance.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMPONENT = ComponentKey("shop", "prices")


def open_migrated(folder: Path) -> Store:
    """A fresh SQLite store with today's schema."""
    engine = open_engine(f"sqlite:///{folder / 'evenhand.db'}")
    migrate(engine)
    return Store.over(engine)


def spec(*actions: dict[str, Any]) -> str:
    """A component document with these actions, as it is recorded."""
    model = {"name": "prices", "version": "1", "modality": ["tabular"]}
    return json.dumps(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": COMPONENT.name, "namespace": COMPONENT.namespace},
            "spec": {"model": model, "actions": list(actions)},
        }
    )


def finding(window: int, status: Status, subject: str = "age", revision: int = 0) -> Finding:
    """A drift finding of one window."""
    verdict = Verdict(
        check="drift",
        subject=subject,
        status=status,
        reason="age moved" if status is Status.BREACH else "",
        modality="tabular",
        test="wasserstein",
        value=0.3 if status is Status.BREACH else 0.01,
        lower=0.2,
        upper=0.4,
        threshold=0.1,
        evidence=4.0,
        evidence_bar=3.0,
        events=1_000,
    )
    start_us = window * 3_600_000_000
    return Finding(
        component=COMPONENT,
        version="1",
        generation=1,
        window=Window("every", window, start_us, start_us + 3_600_000_000),
        verdict=verdict,
        revision=revision,
    )


def write(store: Store, findings: Sequence[Finding], document: str | None = None) -> None:
    """Commit findings, and the component's spec where one is given."""
    checkpoints = Checkpoints(store.engine)
    claim = checkpoints.claim(0, "test")
    generations = [GenerationRow(COMPONENT, 1, 0, document)] if document else []
    checkpoints.commit(
        claim,
        Checkpoint(
            next_offset=claim.next_offset + 1,
            log_time_us=0,
            registers=[RegisterRow(COMPONENT, b"")] if document else [],
            generations=generations,
            findings=findings,
        ),
    )
