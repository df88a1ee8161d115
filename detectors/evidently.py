"""Evidently, where raw rows are at hand: its drift tests and its page of one window.

The only file that imports it, and only when it is asked: it is an extra of some 800 MB that takes
seconds to load. It judges by its own rules, sample against sample; nothing here is a promise of
Evenhand's.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.algebra.canonical import canonical_text
from governance.algebra.cells import float_dictionary, number_of_text
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from governance.event import Column

    Codings = dict[str, tuple[str, ...]]  # the categories of a column, in the order of their codes

REMEDY = "pip install 'evenhand[evidently]'"

_REFUSALS = (ValueError, TypeError, KeyError, IndexError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a column drifted, by one of Evidently's methods."""

    column: str
    method: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Evidently's score of a column and what its own rule makes of it.

    ``score`` is None where it gives no number; ``refusal`` then says why.
    """

    score: float | None
    drifted: bool
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Roles:
    """What the columns of a page are; each is of one kind.

    ``target`` and ``prediction`` are the columns of a binary classification, with ``positive`` for
    the favourable outcome; empty where there are none. ``questions`` are about columns that are not
    left to Evidently's default method.
    """

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    target: str = ""
    prediction: str = ""
    positive: str = ""
    questions: tuple[Question, ...] = ()


class Comparison:
    """Questions about windows against one reference sample.

    Parameters
    ----------
    reference
        Raw reference rows by column.
    numeric, categorical
        The columns that may be asked about.

    Raises
    ------
    ConfigError
        If Evidently is not installed, or cannot be imported.

    Notes
    -----
    Loading Evidently takes 5 to 15 s once. A look takes some 0.1 s a column at 50,000 reference
    rows, ``TVD`` 20 s (it permutes 1,000 times).
    """

    def __init__(
        self,
        reference: Mapping[str, Column],
        *,
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
    ) -> None:
        self._evidently = load()
        self._kinds = {**dict.fromkeys(numeric, True), **dict.fromkeys(categorical, False)}
        self._past = self._values(reference, self._kinds)
        self._known = {name: _names(self._past[name]) for name in categorical}
        self._codings: Codings = {}
        self._reference: Any = None

    def ask(self, window: Mapping[str, Column], questions: Sequence[Question]) -> list[Answer]:
        """The answers to questions about the raw rows of a window, in their order.

        One report for all. If it fails, one for each, so that only the culprit is refused.
        """
        if not questions:
            return []
        values = self._values(window, [question.column for question in questions])
        self._code_by(values)
        sample = self._sample(values)
        try:
            return self._asked(sample, questions)
        except _REFUSALS:
            return [self._alone(sample, question) for question in questions]

    def _values(self, rows: Mapping[str, Column], names: Iterable[str]) -> dict[str, NDArray[Any]]:
        return {name: raw_values(rows[name], numeric=self._kinds[name]) for name in names}

    def _code_by(self, window: Mapping[str, NDArray[Any]]) -> None:
        """Number the categories of both samples in the order of their names.

        Evidently adds over sets: texts would come in another order in every process, and a
        replay would not repeat the last digits of a score.
        """
        nothing = np.empty(0, dtype=object)
        codings = {
            name: tuple(sorted(known | _names(window.get(name, nothing))))
            for name, known in self._known.items()
        }
        if self._reference is None or codings != self._codings:
            self._codings = codings
            self._reference = self._sample(self._past)

    def _alone(self, sample: Any, question: Question) -> Answer:
        try:
            return self._asked(sample, [question])[0]
        except _REFUSALS as error:
            return Answer(None, drifted=False, refusal=str(error).partition("\n")[0])

    def _asked(self, sample: Any, questions: Sequence[Question]) -> list[Answer]:
        metric = self._evidently.metrics.ValueDrift
        asked = [metric(column=q.column, method=q.method, threshold=q.threshold) for q in questions]
        report = self._evidently.Report(asked, include_tests=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy's remarks on how Evidently calls it
            found = json.loads(report.run(sample, self._reference).json())
        said = zip(found["metrics"], found["tests"], strict=True)
        return [_answer(metric["value"], test["status"]) for metric, test in said]

    def _sample(self, values: Mapping[str, NDArray[Any]]) -> Any:
        numeric = [name for name in values if self._kinds[name]]
        categorical = [name for name in values if not self._kinds[name]]
        definition = self._evidently.DataDefinition(
            numerical_columns=numeric, categorical_columns=categorical
        )
        rows = {name: values[name] for name in numeric}
        rows |= {name: _coded(values[name], self._codings[name]) for name in categorical}
        return _dataset(self._evidently, rows, definition)


def page(
    current: Mapping[str, Any], reference: Mapping[str, Any], roles: Roles, *, heading: str
) -> str:
    """Evidently's page about one window's sample against the reference's, as HTML.

    Parameters
    ----------
    current, reference
        Raw rows by column, arrays of shape (n,) as ``raw_values`` gives them.
    roles
        What the columns are.
    heading
        What the page is about, as text: Evidently does not say it.

    Raises
    ------
    ConfigError
        If Evidently is not there, or cannot be made to compare these samples.
    """
    evidently = load()
    definition = _definition(evidently, roles)
    report = evidently.Report(_presets(evidently, roles))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = report.run(
                _dataset(evidently, current, definition),
                _dataset(evidently, reference, definition),
            )
            text: str = found.get_html_str(as_iframe=False)
    except _REFUSALS as error:
        raise ConfigError(f"Evidently cannot compare these samples: {error}") from None
    lead = f"{heading} Evidently {evidently.__version__}."
    banner = f'<p style="margin: 1em 2em; font-family: sans-serif">{escape(lead)}</p>'
    return re.sub(r"(<body[^>]*>)", lambda body: f"{body[1]}{banner}", text, count=1)


def raw_values(column: Column, *, numeric: bool) -> NDArray[Any]:
    """The values of a column as Evidently reads them, shape (n,).

    Numbers are float64, NaN where missing or not finite; categories are canonical text, None where
    missing.
    """
    values, texts = column.values, column.dictionary
    if numeric:
        numbers = values.astype(np.float64)
        if texts is not None:
            numbers = np.array([*map(number_of_text, texts), np.nan])[np.maximum(values, -1)]
        return np.where(np.isfinite(numbers), numbers, np.nan)
    if texts is None:
        values, texts = float_dictionary(values.astype(np.float64))
    names = np.array([*(canonical_text(text) or None for text in texts), None], dtype=object)
    return np.asarray(names[np.maximum(values, -1)])


def count_values(column: Column, *, numeric: bool) -> int:
    """How many values of a column are there: not missing, and finite."""
    values = raw_values(column, numeric=numeric)
    return int(np.isfinite(values).sum()) if numeric else sum(v is not None for v in values)


def load() -> Any:
    """The package evidently, told to send nothing; raises ConfigError if it cannot be imported."""
    os.environ["DO_NOT_TRACK"] = "1"  # else it reports its use
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import evidently  # noqa: PLC0415 - an extra, and slow
            import evidently.metrics  # noqa: PLC0415
            import evidently.presets  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "evidently":
            raise _unusable(error) from None
        raise ConfigError(f"Evidently is not installed: {REMEDY}") from None
    except ImportError as error:
        raise _unusable(error) from None
    return evidently


def _names(values: NDArray[Any]) -> frozenset[str]:
    return frozenset(value for value in values.tolist() if value is not None)


def _coded(values: NDArray[Any], names: Sequence[str]) -> NDArray[np.float64]:
    """The place of each category in ``names``, NaN where it is missing."""
    places = {name: float(place) for place, name in enumerate(names)}
    return np.array([places.get(value, np.nan) for value in values.tolist()], dtype=np.float64)


def _unusable(error: ImportError) -> ConfigError:
    return ConfigError(f"Evidently is installed but cannot be imported ({error}): {REMEDY}")


def _answer(score: float | None, status: str) -> Answer:
    if score is None or not np.isfinite(score):
        return Answer(None, drifted=False, refusal="its score is no finite number")
    return Answer(float(score), drifted=status == "FAIL")


def _dataset(evidently: Any, rows: Mapping[str, Any], definition: Any) -> Any:
    import pandas as pd  # noqa: PLC0415 - comes with Evidently

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return evidently.Dataset.from_pandas(pd.DataFrame(dict(rows)), definition)


def _definition(evidently: Any, roles: Roles) -> Any:
    classification = None
    if roles.target:
        classification = [
            evidently.BinaryClassification(
                target=roles.target,
                prediction_labels=roles.prediction,
                pos_label=roles.positive,
            )
        ]
    return evidently.DataDefinition(
        numerical_columns=list(roles.numeric),
        categorical_columns=list(roles.categorical),
        text_columns=list(roles.text),
        classification=classification,
    )


def _presets(evidently: Any, roles: Roles) -> list[Any]:
    drift = evidently.presets.DataDriftPreset(
        per_column_method={q.column: q.method for q in roles.questions},
        per_column_threshold={q.column: q.threshold for q in roles.questions},
    )
    quality = [evidently.presets.ClassificationPreset()] if roles.target else []
    return [drift, *quality, evidently.presets.DataSummaryPreset()]
