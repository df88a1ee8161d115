"""Prediction and score where ``spec.signals`` does not say: by the names that servers use."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.modalities.tabular import column_of, numbers
from collectors.outcome import favourable_outcome
from collectors.signals import scalars
from governance.algebra.canonical import canonical_text
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from collectors.places import Places
    from collectors.signals import Seen
    from governance.component.schema import Favourable

PREDICTION_NAMES = ("predict", "prediction", "label")
SCORE_NAMES = ("score", "probability", "predict_proba")


def outcome_columns(places: Places, rule: Favourable | None, seen: Seen) -> dict[str, Column]:
    """Columns ``prediction``, ``score`` and ``favourable``, the first two where there are any.

    Raises
    ------
    CaptureError
        If a selector of ``places`` has no one reading.
    """
    outputs, at, score_at = seen.inference.outputs, places.prediction, places.score
    predictions = default_prediction(outputs) if at is None else at.values(seen)
    scores = default_score(outputs) if score_at is None else score_at.rows(seen)
    prediction, score = prediction_column(predictions, rule), score_column(scores, rule)
    favourable = favourable_outcome(rule, prediction, score, seen.n)
    columns = {"prediction": prediction, "score": score, "favourable": Column(favourable)}
    return {name: column for name, column in columns.items() if column is not None}


def default_prediction(outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    """The output named like a prediction, else the first that is not named like a score.

    Shape (n,); None where there is none, or where it has several values per instance: which of
    them is the prediction is for ``spec.signals.prediction`` to say.
    """
    rest = [name for name in outputs if name not in SCORE_NAMES]
    name = next((name for name in PREDICTION_NAMES if name in outputs), None)
    name = name or next(iter(rest), None)
    return None if name is None else scalars(outputs[name])


def default_score(outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    """The output named like a score, shape (n, ...)."""
    return next((outputs[name] for name in SCORE_NAMES if name in outputs), None)


def prediction_column(values: NDArray[Any] | None, rule: Favourable | None) -> Column | None:
    """Predictions as a column: categories where ``in`` lists outcomes, else as a feature."""
    return None if values is None else column_of(values, categorical=lists_outcomes(rule))


def lists_outcomes(rule: Favourable | None) -> bool:
    """Whether predictions are classes: the rule compares them with a list."""
    return rule is not None and rule.values is not None


def score_column(rows: NDArray[Any] | None, rule: Favourable | None) -> Column | None:
    """The score of the favourable outcome, shape (n,); NaN where it is unknown.

    Of k values per instance (probabilities per class) those of the favourable classes count:
    ``in`` lists class numbers below k; of two classes without ``in`` the second. None where the
    favourable class cannot be told or the values are not numbers.
    """
    if rows is None or not len(rows):
        return None
    width = prod(rows.shape[1:])
    flat = rows.reshape(len(rows), width)
    classes = [0] if width == 1 else _favourable_classes(width, rule)
    total: NDArray[np.float64] | None = None
    for k in classes:
        part = numbers(flat[:, k])
        if part is None:
            return None
        total = part if total is None else total + part
    return None if total is None else Column(np.where(np.isfinite(total), total, np.nan))


def _favourable_classes(width: int, rule: Favourable | None) -> list[int]:
    if rule is None or rule.values is None:
        return [1] if width == 2 else []
    texts = {canonical_text(value) for value in rule.values}
    numbered = [k for k in range(width) if str(k) in texts]
    return numbered if len(numbered) == len(texts) else []
