"""What the demo needs on disk: component, reference, webhook secret, key, settings."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from detectors.profile import write_profile
from detectors.reference import build_reference
from governance.algebra.canonical import canonical_text
from governance.component.load import load_components
from governance.config import Settings
from governance.event import Column, EventBatch
from governance.privacy import load_key
from governance.service.demo.census import (
    FEATURES,
    MODEL_VERSION,
    fitted_model,
    reference_people,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from detectors.reference import Reference
    from governance.component.schema import Component
    from governance.service.demo.census import People

NUMERIC = frozenset({"AGEP"})
NAMESPACE = "demo"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Paths of what was written, and what the demo itself needs to know of it."""

    component: Component
    component_file: Path
    reference: Reference
    key_directory: Path
    secret_file: Path
    secret: str


def prepare(folder: Path, **changes: Any) -> Prepared:
    """Fit the model, build the reference of 2015, write component, secret and key to ``folder``.

    Parameters
    ----------
    folder
        Where to write; it exists.
    changes
        Keys of ``spec.monitoring`` to set otherwise than the demo does.
    """
    document = yaml.safe_load(
        (files("governance.service.demo") / "component.yaml").read_text(encoding="utf-8")
    )
    document["spec"]["monitoring"] |= changes
    component_file = folder / "census-employment.yaml"
    profile = folder / "reference-2015.json"
    baseline = document["spec"]["baseline"]
    baseline["uri"], baseline["sha256"] = profile.name, "0" * 64
    reference = _reference(component_file, profile, document)
    baseline["sha256"] = hashlib.sha256(profile.read_bytes()).hexdigest()
    component_file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    secret_file = folder / "webhook-secret"
    secret_file.touch(mode=0o600)
    secret_file.write_text(secret + "\n", encoding="ascii")
    load_key(folder, NAMESPACE, create=True)
    (loaded,) = load_components([component_file])
    return Prepared(loaded.component, component_file, reference, folder, secret_file, secret)


def demo_settings(
    prepared: Prepared, *, bus: str, database: str, webhooks: str, **alerting: Any
) -> Settings:
    """Settings of every stage: all addresses on loopback, any free ports."""
    receivers = {
        name: {"url": f"{webhooks}/{name}", "secretFile": str(prepared.secret_file)}
        for name in ("training", "people")
    }
    return Settings.model_validate(
        {
            "bus": {"url": bus},
            "database": {"url": database},
            "components": [str(prepared.component_file)],
            "privacy": {"keyDirectory": str(prepared.key_directory)},
            "alerting": {"webhooks": receivers, **alerting},
            "http": {"api": "127.0.0.1:0", "door": "127.0.0.1:0", "metrics": "127.0.0.1:0"},
        }
    )


def write_settings(path: Path, settings: Settings) -> Path:
    """Write settings as the file that ``--config`` reads."""
    text = settings.model_dump_json(by_alias=True, exclude_none=True)
    path.write_text(yaml.safe_dump(json.loads(text)), encoding="utf-8")
    return path


def events_of(people: People) -> EventBatch:
    """People with the model's answers as events, in their order: what a reference is built of."""
    score = fitted_model().probability(people.features).round(6)
    prediction = (score >= 0.5).astype(np.int64)
    columns = {f"tabular.{name}": _feature(name, people.features[name]) for name in FEATURES}
    columns |= {
        "prediction": _codes(prediction),
        "score": Column(score),
        "favourable": Column(prediction.astype(np.int8)),
        "time": Column(people.time_us),
    }
    return EventBatch(MODEL_VERSION, len(people), columns)


def _reference(component_file: Path, profile: Path, document: dict[str, Any]) -> Reference:
    component_file.write_text(yaml.safe_dump(document), encoding="utf-8")
    (loaded,) = load_components([component_file])
    reference = build_reference(events_of(reference_people()), loaded.component)
    write_profile(profile, reference)
    return reference


def _feature(name: str, values: NDArray[np.int64]) -> Column:
    return Column(values.astype(np.float64)) if name in NUMERIC else _codes(values)


def _codes(values: NDArray[np.int64]) -> Column:
    known, codes = np.unique(values, return_inverse=True)
    return Column(codes.astype(np.int32), tuple(canonical_text(int(value)) for value in known))
