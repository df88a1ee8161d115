"""A small component with recorded traffic, for the tests of replay and baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: credit}
spec:
  model: {name: m, version: "7", modality: [tabular]}
  governance:
    biasDetection: {thresholds: {demographic_parity_difference: 0.1}}
  signals:
    prediction: column:decision
    favourable: {in: ["1"]}
    groups: {sex: column:sex}
    features: {tabular: {from: "column:*", exclude: [sex, at]}}
  baseline: {ordered: true}
  monitoring: {windows: {events: 1000}}
"""


def write_component(folder: Path, **changes: str) -> Path:
    """The component; each change is a text and what stands in its place."""
    text = COMPONENT
    for old, new in changes.items():
        text = text.replace(old, new)
    path = folder / "credit.yaml"
    path.write_text(text)
    return path


def write_rows(
    folder: Path, name: str, *, n: int = 4_000, shift: float = 0.0, gap: float = 0.0
) -> Path:
    """Rows with a numeric feature moved by ``shift`` sd and a selection gap of ``gap``."""
    rng = np.random.default_rng(7)
    sex = rng.integers(0, 2, n)
    decision = rng.random(n) < 0.5 + gap * (sex - 0.5)
    income = rng.normal(shift, 1.0, n)
    job = rng.integers(0, 3, n)
    lines = [
        f"{i},{income[i]:.4f},{'abc'[job[i]]},{'fm'[sex[i]]},{int(decision[i])},{60 * i}"
        for i in range(n)
    ]
    path = folder / name
    path.write_text("id,income,job,sex,decision,at\n" + "\n".join(lines) + "\n")
    return path
