"""Evidently's numbers for ``evidently.json``; run in the environment that has it.

    python -m tests.testkit evidently -m tests.golden.make_evidently > tests/golden/evidently.json

Inputs are counts of values, so that a test repeats the samples exactly. Nothing is random.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from typing import Any

import numpy as np

from detectors.evidently import Comparison, Question
from governance.event import Column

METHODS = ("psi", "jensenshannon", "wasserstein", "ks")
SHARES = np.array([2, 3, 5, 8, 12, 15, 16, 14, 10, 6, 4, 3, 2])


def cases() -> list[dict[str, Any]]:
    """Reference and window as counts per value; the values of categories are their numbers."""
    shifted = np.roll(SHARES, 1)
    lost = np.where(SHARES == 8, 0, SHARES)
    wide = 20 + 6 * np.sin(np.arange(60) / 7)
    return [
        _case("ordinal", 120 * SHARES, 9 * shifted),
        _case("ordinal, a value vanished", 120 * SHARES, 9 * lost),
        _case("many values", 10 * np.rint(wide), np.rint(wide[::-1] + 3)),
        _case("categories", 120 * SHARES, 9 * shifted, numeric=False),
        _case("categories, a new one", 120 * lost, 9 * SHARES, numeric=False),
    ]


def confusion() -> dict[str, Any]:
    """Labelled events: score, label and how many; predicted favourable from one half on."""
    scores = np.round(0.1025 + 0.08 * np.arange(11), 4).tolist()
    steps = np.arange(11)
    return {
        "score": [*scores, *scores],
        "label": [0] * 11 + [1] * 11,
        "count": [*(40 - 3 * steps).tolist(), *(5 + 4 * steps).tolist()],
    }


def samples(case: dict[str, Any]) -> tuple[Column, Column]:
    """Raw rows of reference and window."""
    return _column(case, "reference"), _column(case, "window")


def _case(name: str, reference: Any, window: Any, *, numeric: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "numeric": numeric,
        "reference": np.asarray(reference, dtype=int).tolist(),
        "window": np.asarray(window, dtype=int).tolist(),
    }


def _column(case: dict[str, Any], which: str) -> Column:
    codes = np.repeat(np.arange(len(case[which]), dtype=np.int32), case[which])
    if case["numeric"]:
        return Column(codes.astype(np.float64))
    return Column(codes, tuple(f"c{code:02d}" for code in range(len(case[which]))))


def _drift(case: dict[str, Any]) -> dict[str, float | None]:
    reference, window = samples(case)
    kind = "numeric" if case["numeric"] else "categorical"
    methods = METHODS if case["numeric"] else METHODS[:2]
    comparison = Comparison({"x": reference}, **{kind: ["x"]})
    return {
        method: comparison.ask({"x": window}, [Question("x", method, 0.1)])[0].score
        for method in methods
    }


def _classification(scores: list[float], labels: list[int]) -> dict[str, float]:
    import evidently as ev  # noqa: PLC0415 - after DO_NOT_TRACK
    import pandas as pd  # noqa: PLC0415
    from evidently import metrics  # noqa: PLC0415

    rows = pd.DataFrame(
        {
            "label": [str(label) for label in labels],
            "prediction": [str(int(score >= 0.5)) for score in scores],
            "score": scores,
        }
    )
    binary = {"target": "label", "pos_label": "1"}
    asked = {
        "accuracy": (metrics.Accuracy(), "prediction"),
        "precision": (metrics.Precision(), "prediction"),
        "recall": (metrics.Recall(), "prediction"),
        "f1": (metrics.F1Score(), "prediction"),
        "roc_auc": (metrics.RocAuc(), "score"),
        "log_loss": (metrics.LogLoss(), "score"),
    }
    found = {}
    for name, (metric, column) in asked.items():
        how = "prediction_labels" if column == "prediction" else "prediction_probas"
        definition = ev.DataDefinition(
            numerical_columns=["score"] if column == "score" else [],
            categorical_columns=["label", "prediction"],
            classification=[ev.BinaryClassification(**binary, **{how: column})],
        )
        data = ev.Dataset.from_pandas(rows, definition)
        said = json.loads(ev.Report([metric]).run(data, None).json())
        found[name] = said["metrics"][0]["value"]
    return found


def _missing(missing: int, n: int) -> float:
    import evidently as ev  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    from evidently.metrics import MissingValueCount  # noqa: PLC0415

    rows = pd.DataFrame({"x": [np.nan] * missing + [1.0] * (n - missing)})
    data = ev.Dataset.from_pandas(rows, ev.DataDefinition(numerical_columns=["x"]))
    said = json.loads(ev.Report([MissingValueCount(column="x")]).run(data, None).json())
    return float(said["metrics"][0]["value"]["share"])


def _methods() -> dict[str, list[Any]]:
    """Every method that is installed: whether for numbers, for categories, default threshold."""
    from evidently.legacy.calculations.stattests import registry  # noqa: PLC0415

    found = {}
    for name, tests in sorted(registry._registered_stat_tests.items()):
        kinds = {kind.value for kind in tests}
        limit = next(iter(tests.values())).default_threshold
        found[name] = ["num" in kinds, "cat" in kinds, limit]
    return found


def document() -> dict[str, Any]:
    """All inputs with what Evidently says of them."""
    told = confusion()
    scores = np.repeat(told["score"], told["count"]).tolist()
    labels = np.repeat(told["label"], told["count"]).tolist()
    missing = {"missing": 70, "rows": 1_000, "reference_missing": 100, "reference_rows": 4_000}
    shares = {
        "share": _missing(missing["missing"], missing["rows"]),
        "reference_share": _missing(missing["reference_missing"], missing["reference_rows"]),
    }
    packages = ("evidently", "numpy", "pandas", "scikit-learn", "scipy")
    return {
        "made_by": "python -m tests.testkit evidently -m tests.golden.make_evidently",
        "versions": {name: version(name) for name in packages},
        "methods": _methods(),
        "drift": [{**case, "evidently": _drift(case)} for case in cases()],
        "classification": {**told, "evidently": _classification(scores, labels)},
        "missing": {**missing, "evidently": shares},
    }


if __name__ == "__main__":
    os.environ["DO_NOT_TRACK"] = "1"
    json.dump(document(), sys.stdout, indent=1)
    sys.stdout.write("\n")
