"""The tests of drift that a component may name: Evenhand's own, and those of Evidently.

Evidently's are ``evidently:METHOD``. They need raw rows, so they judge in ``replay`` and ``gate``;
everywhere else the usual test takes their place. Not here, and why: ``fisher_exact`` and ``g_test``
fail unless the window has as many rows as the reference, ``empirical_mmd`` needs memory for every
pair of rows, and the two for texts want the texts themselves, which no window holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.component.schema import DriftSettings

PREFIX = "evidently:"
OFFLINE_ONLY = (
    "judges in replay and gate, where the reference's rows are; elsewhere Evenhand's own test does"
)

OwnTest = Literal["psi", "jensenshannon", "wasserstein", "ks"]
EvidentlyNumeric = Literal[
    "evidently:anderson",
    "evidently:cramer_von_mises",
    "evidently:ed",
    "evidently:es",
    "evidently:hellinger",
    "evidently:jensenshannon",
    "evidently:kl_div",
    "evidently:ks",
    "evidently:mannw",
    "evidently:psi",
    "evidently:t_test",
    "evidently:wasserstein",
]
EvidentlyCategorical = Literal[
    "evidently:TVD",
    "evidently:chisquare",
    "evidently:hellinger",
    "evidently:jensenshannon",
    "evidently:kl_div",
    "evidently:psi",
    "evidently:z",
]
NumericTest = Literal[OwnTest, EvidentlyNumeric]
CategoricalTest = Literal["psi", "jensenshannon", EvidentlyCategorical]
DriftTest = Literal[OwnTest, EvidentlyNumeric, EvidentlyCategorical]


@dataclass(frozen=True, slots=True)
class EvidentlyMethod:
    """One method: the kinds of features that it judges, what its score is, from where it fails.

    A p-value fails below ``threshold``, a distance from it on.
    """

    name: str
    numeric: bool
    categorical: bool
    p_value: bool
    threshold: float


def _methods(
    names: str, *, p_value: bool, threshold: float, numeric: bool = False, categorical: bool = False
) -> dict[str, EvidentlyMethod]:
    return {
        name: EvidentlyMethod(name, numeric, categorical, p_value, threshold)
        for name in names.split()
    }


EVIDENTLY_METHODS: Final[Mapping[str, EvidentlyMethod]] = {
    **_methods("es ks mannw t_test", p_value=True, threshold=0.05, numeric=True),
    **_methods("anderson cramer_von_mises", p_value=True, threshold=0.1, numeric=True),
    **_methods("chisquare z", p_value=True, threshold=0.05, categorical=True),
    **_methods("TVD", p_value=True, threshold=0.1, categorical=True),
    **_methods("ed wasserstein", p_value=False, threshold=0.1, numeric=True),
    **_methods(
        "hellinger jensenshannon kl_div psi",
        p_value=False,
        threshold=0.1,
        numeric=True,
        categorical=True,
    ),
}
"""By Evidently's name, with Evidently's default thresholds (0.7.23; a golden test compares)."""


def evidently_method(test: str | None) -> EvidentlyMethod | None:
    """The method of a test that is named ``evidently:METHOD``; None for any other."""
    if test is None or not test.startswith(PREFIX):
        return None
    return EVIDENTLY_METHODS[test.removeprefix(PREFIX)]


def declared_evidently(drift: DriftSettings) -> dict[tuple[str, ...], str]:
    """The tests of Evidently's that a component wants, by their place in its drift settings."""
    tests: dict[tuple[str, ...], str | None] = {
        ("numeric",): drift.numeric,
        ("categorical",): drift.categorical,
    }
    tests |= {("features", name, "test"): own.test for name, own in drift.features.items()}
    return {place: test for place, test in tests.items() if test and test.startswith(PREFIX)}
