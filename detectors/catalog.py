"""The detectors by family: name -> factory, as literal imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.drift.detector import make_drift
from detectors.fairness.family import make_fairness
from detectors.operations.error_rate import make_error_rate
from detectors.operations.latency import make_latency
from detectors.performance.family import make_performance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from detectors.base import Detector, Factory
    from detectors.reference import Reference
    from governance.component.schema import Component

FACTORIES: Mapping[str, Factory] = {
    "drift": make_drift,
    "fairness": make_fairness,
    "performance": make_performance,
    "error_rate": make_error_rate,
    "latency": make_latency,
}


def make_detectors(
    component: Component,
    reference: Reference | None,
    *,
    keyed: Callable[[str, str], str] | None = None,
) -> tuple[Detector, ...]:
    """Every detector that a component has a use for, in the order of ``FACTORIES``.

    Parameters
    ----------
    component
        The declaration; one set of detectors exists per (component, version, generation).
    reference
        That of the version that will be judged; None = there is none.
    keyed
        (attribute or feature, value) -> keyed code, where values travel as keyed codes; None =
        values travel as they are.

    Raises
    ------
    ConfigError
        If the component names a metric that does not exist, or a group that it does not declare.
    """
    made = (make(component, reference, keyed=keyed) for make in FACTORIES.values())
    return tuple(detector for detector in made if detector is not None)
