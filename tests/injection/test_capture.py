"""The capture ConfigMap: enough for a sidecar, and no more than what it acts on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collectors.injection.capture import config_map, config_map_name, subject_of
from governance.component.load import LoadedComponent, load_components
from governance.config import BusSettings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: credit, namespace: team}
spec:
  model: {name: m, version: "1", modality: [tabular]}
  signals: {prediction: "output:predict", groups: {sex: "input:sex"}}
"""
BUS = BusSettings(url="kafka://broker:9092")


def _load(folder: Path, more: str = "") -> LoadedComponent:
    path = folder / "c.yaml"
    path.write_text(HEAD + more)
    return load_components([path])[0]


def test_a_sidecar_can_read_it(tmp_path: Path) -> None:
    """Component and settings load as the files they become in the pod."""
    loaded = _load(tmp_path, "  baseline: {uri: rows.csv}\n")
    for name, text in config_map(loaded, BUS)["data"].items():
        (tmp_path / name).write_text(text)
    (read,) = load_components([tmp_path / "component.yaml"])
    assert read.component.key == loaded.component.key
    assert read.component.spec.signals == loaded.component.spec.signals
    assert read.component.spec.baseline.uri is None
    settings = load_settings(tmp_path / "settings.yaml")
    assert settings.bus == BUS


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ("  governance: {biasDetection: {thresholds: {equalized_odds_ratio: 0.8}}}\n", True),
        ("  actions: [{do: notify, webhook: w}]\n", True),
        ("  monitoring: {falseAlarmEvery: 500}\n", True),
        ("  monitoring: {windows: {every: 2h}}\n", False),
        ("  capture: {sampling: 0.5}\n", False),
        ("  governance: {dataPrivacy: {level: open}}\n", False),
    ],
)
def test_the_hash_tells_what_sidecars_act_on(tmp_path: Path, more: str, same: bool) -> None:  # noqa: FBT001
    """A threshold outdates no sidecar; what is captured does."""
    before, after = _load(tmp_path), _load(tmp_path, more)
    hashes = {subject_of(one, BUS).config_hash for one in (before, after)}
    assert (len(hashes) == 1) == same


def test_another_bus_outdates_sidecars(tmp_path: Path) -> None:
    """They write to where they were told at their start."""
    loaded = _load(tmp_path)
    assert subject_of(loaded, BUS).config_hash != subject_of(loaded, BusSettings()).config_hash


def test_only_a_keyed_level_mounts_a_key(tmp_path: Path) -> None:
    """The default level is keyed."""
    assert subject_of(_load(tmp_path), BUS).key_secret == "evenhand-privacy-key"
    open_level = _load(tmp_path, "  governance: {dataPrivacy: {level: open}}\n")
    assert subject_of(open_level, BUS).key_secret is None


def test_long_names_stay_names_and_apart() -> None:
    """Kubernetes allows 253 characters."""
    names = {config_map_name("a" * 250 + end) for end in ("x", "y")}
    assert len(names) == 2
    assert {len(name) for name in names} == {253}
