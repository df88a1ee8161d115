"""Where a component's reference comes from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.profile import write_profile
from governance.component.schema import Component
from governance.errors import ConfigError
from governance.service.references import measure_rows, resolve_reference

if TYPE_CHECKING:
    from pathlib import Path


def _component(**baseline: Any) -> Component:
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "credit"},
            "spec": {
                "model": {"name": "m", "version": "7", "modality": ["tabular"]},
                "baseline": baseline,
                "monitoring": {"windows": {"events": 100}},
            },
        }
    )


def _rows(folder: Path, name: str = "rows.csv", n: int = 2_000) -> Path:
    rng = np.random.default_rng(1)
    lines = [f"{rng.random():.4f},{'abc'[i * i % 3]},{i % 2}" for i in range(n)]
    path = folder / name
    path.write_text("age,job,prediction\n" + "\n".join(lines) + "\n")
    return path


def test_without_a_baseline_there_is_no_reference(tmp_path: Path) -> None:
    """Nothing declared, nothing named: drift will say so."""
    assert resolve_reference(_component(), tmp_path) is None


def test_rows_are_measured(tmp_path: Path) -> None:
    """Features, and the outputs under the model's version."""
    reference = resolve_reference(_component(), tmp_path, _rows(tmp_path))
    assert reference is not None
    assert reference.rows == 2_000
    assert set(reference.inputs) == {"tabular.age", "tabular.job"}
    assert set(reference.outputs["7"]) == {"prediction"}
    assert reference.ordered is False
    assert reference.span_days is None


def test_rows_are_kept_only_where_they_are_asked_for(tmp_path: Path) -> None:
    """A worker never asks; what is kept changes nothing else."""
    path = _rows(tmp_path)
    usual, keeping = (
        resolve_reference(_component(), tmp_path, path, keep_rows=keep) for keep in (False, True)
    )
    assert usual is not None
    assert keeping is not None
    assert usual.raw is None
    assert keeping.raw is not None
    assert (keeping.raw.n, keeping.id) == (2_000, usual.id)


def test_a_profile_is_the_reference_that_it_was_made_of(tmp_path: Path) -> None:
    """Rows and their profile have one id."""
    measured = measure_rows(_rows(tmp_path), _component())
    write_profile(tmp_path / "profile", measured)
    read = resolve_reference(_component(), tmp_path, tmp_path / "profile")
    assert read is not None
    assert read.id == measured.id


def test_rows_with_times_have_order_and_span(tmp_path: Path) -> None:
    """``signals.time`` is read where the reference has it."""
    path = tmp_path / "rows.csv"
    path.write_text("at,age\n" + "".join(f"{3600 * i},{i % 7}\n" for i in range(1_200)))
    component = _component()
    signals = component.spec.signals.model_validate({"time": "column:at"})
    spec = component.spec.model_copy(update={"signals": signals})
    reference = measure_rows(path, component.model_copy(update={"spec": spec}))
    assert reference.ordered is True
    assert reference.span_days == 1_199 / 24


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_a_uri_is_relative_to_the_components_file(tmp_path: Path, prefix: str) -> None:
    """Component and reference move together."""
    (tmp_path / "sub").mkdir()
    rows = _rows(tmp_path / "sub", "a b.csv")
    uri = f"{prefix}{rows.as_posix().replace(' ', '%20')}" if prefix == "file://" else None
    component = _component(uri=uri or f"{prefix}sub/a%20b.csv")
    reference = resolve_reference(component, tmp_path / "component.yaml")
    assert reference is not None
    assert reference.rows == 2_000


def test_the_hash_of_the_file_is_verified(tmp_path: Path) -> None:
    """A reference that somebody changed is refused, the right one is read."""
    rows = _rows(tmp_path)
    digest = hashlib.sha256(rows.read_bytes()).hexdigest()
    good = _component(uri="rows.csv", sha256=digest)
    assert resolve_reference(good, tmp_path) is not None
    with pytest.raises(ConfigError, match=r"but spec\.baseline\.sha256 is 0000"):
        resolve_reference(_component(uri="rows.csv", sha256="0" * 64), tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"rows\.csv: is empty"),
        ("age\n", r"rows\.csv: holds no rows that could be a reference"),
        ("id\n" + "1\n" * 9, r"rows\.csv: the reference has no column to compare"),
    ],
)
def test_rows_that_are_no_reference_say_why(tmp_path: Path, content: str, message: str) -> None:
    """The message names the file and what it lacks."""
    path = tmp_path / "rows.csv"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        resolve_reference(_component(), tmp_path, path)


def test_places_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    """A missing file, and a store that this build does not read."""
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read: No such file"):
        resolve_reference(_component(uri="none.csv"), tmp_path)
    with pytest.raises(ConfigError, match=r"'s3://b/k' is not a path or a file: URL"):
        resolve_reference(_component(uri="s3://b/k"), tmp_path)


def test_rows_that_are_left_out_are_said(tmp_path: Path) -> None:
    """A reference that lost rows does not pretend to be whole."""
    path = _rows(tmp_path)
    with path.open("a") as file:
        file.write("1,2\n")
    said: list[str] = []
    measure_rows(path, _component(), warn=said.append)
    assert said == [f"{path}: 1 rows left out, ragged: line 2002 has 2 cells, not 3"]


def test_rows_with_groups_say_how_windows_of_groups_differ(tmp_path: Path) -> None:
    """Attributes that the file has are measured with labels; those of headers are not there."""
    rng = np.random.default_rng(2)
    lines = [f"{rng.random():.3f},{i % 2},{'fm'[i // 4 % 2]},{(i + 1) % 2}" for i in range(2_000)]
    path = tmp_path / "rows.csv"
    path.write_text("age,prediction,sex,paid\n" + "\n".join(lines) + "\n")
    groups = {"sex": {"from": "column:sex"}, "region": {"from": "header:X-Region"}}
    signals = {"favourable": {"in": ["1"]}, "label": "column:paid", "groups": groups}
    declared = Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "credit"},
            "spec": {
                "model": {"name": "m", "version": "7", "modality": ["tabular"]},
                "baseline": {"ordered": True},
                "monitoring": {"windows": {"events": 100}},
                "signals": signals,
            },
        }
    )
    measured = measure_rows(path, declared)
    assert set(measured.groups) == {"sex"}
    assert set(measured.groups["sex"].groups) == {"f", "m"}
    assert {"selection", "true_positive", "accuracy"} <= set(measured.groups["sex"].groups["f"])
