"""`evenhand demo`, as a user starts it: from any folder, with a database of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from governance.service.stores import Store
from governance.store.engine import open_engine

if TYPE_CHECKING:
    from pathlib import Path


def test_the_demo_keeps_its_promises_and_leaves_only_the_database(tmp_path: Path) -> None:
    """One JSON object on stdout, every promise true, findings in the named database."""
    folder, database = tmp_path / "anywhere", tmp_path / "kept.db"
    folder.mkdir()
    url = f"sqlite:///{database}"
    played = subprocess.run(
        [sys.executable, "-m", "governance.service.cli.main", "demo", "--json"],
        cwd=folder,
        env=os.environ | {"EVENHAND_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, played.stdout + played.stderr
    told = json.loads(played.stdout)
    assert all(told["promises"].values())
    assert told["drift_windows"] == [26, 27, 28]
    assert told["conservation"]["accepted"] == told["conservation"]["judged"] == 208_892
    assert told["labels"] == 208_892
    assert {"API", "metrics", "sidecar"} <= set(told["addresses"])
    assert list(folder.iterdir()) == []
    engine = open_engine(url)
    (component,) = Store.over(engine).components.find()
    assert component.component.name == "census-employment"
    engine.dispose()
