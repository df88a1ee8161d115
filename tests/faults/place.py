"""Where the bus and the databases of a deployment are, its workers, and what they found."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import yaml
from sqlalchemy import func, select

from governance.store import tables
from governance.store.engine import open_engine
from governance.store.schema import migrate
from tests.acceptance.program import Program, evenhand
from tests.faults.traffic import KEY, WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass
class Place:
    """Where one deployment's bus and databases are."""

    folder: Path
    bus: str
    databases: Mapping[str, str]

    @contextmanager
    def worker(self, group: str, name: str) -> Iterator[Program]:
        with evenhand(
            self.folder,
            name,
            *("detect", "--bus", self.bus, "--database", self.databases[group]),
            *("--components", self.folder / "loans.yaml", "--group", group),
            *("--metrics", "127.0.0.1:0"),
        ) as program:
            yield program

    def findings(self, group: str) -> list[tuple[str, int, str]]:
        """Id, revision and body in the order of judgement."""
        columns = tables.findings.c
        engine = open_engine(self.databases[group])
        with engine.connect() as connection:
            rows = connection.execute(
                select(columns.id, columns.revision, columns.body).order_by(columns.position)
            )
            found = [(id_, revision, body) for id_, revision, body in rows]
        engine.dispose()
        return found

    def windows(self, group: str) -> int:
        """Windows that were judged."""
        return len({json.loads(body)["window"]["number"] for *_, body in self.findings(group)})

    def offset(self, group: str) -> int:
        """Up to where the group's state is written."""
        engine = open_engine(self.databases[group])
        table = tables.partitions.c
        with engine.connect() as connection:
            offset = connection.execute(select(func.max(table.next_offset))).scalar()
        engine.dispose()
        return int(offset or 0)


def migrated(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()


def write_component(folder: Path, **monitoring: str) -> None:
    seeded = np.random.default_rng(1)
    ages, jobs = seeded.normal(50, 10, 4_000), seeded.integers(0, 3, 4_000)
    rows = [f"{age:.3f},{'abc'[job]}" for age, job in zip(ages, jobs, strict=True)]
    (folder / "reference.csv").write_text("\n".join(["age,job", *rows]) + "\n")
    document = {
        "apiVersion": "apexlogic.io/v1alpha1",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": KEY.name, "namespace": KEY.namespace},
        "spec": {
            "model": {"name": "m", "version": "v1", "modality": ["tabular"]},
            "signals": {
                "favourable": {"in": ["1"]},
                "groups": {"sex": "column:sex"},
                "features": {"tabular": {"from": "column:*", "categorical": ["job"]}},
            },
            "baseline": {"uri": "reference.csv"},
            "governance": {
                "dataPrivacy": {"level": "open"},
                "biasDetection": {
                    "thresholds": {
                        "demographic_parity_difference": 0.1,
                        "equal_opportunity_difference": 0.1,
                    }
                },
            },
            "monitoring": {"windows": {"events": WINDOW}, **monitoring},
        },
    }
    (folder / "loans.yaml").write_text(yaml.safe_dump(document))
