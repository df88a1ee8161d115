"""The detectors by family: name -> factory, as literal imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.drift.detector import make_drift
from detectors.fairness.family import make_fairness
from detectors.operations.error_rate import make_error_rate
from detectors.operations.finish_reason import make_finish_reason
from detectors.operations.latency import make_latency
from detectors.operations.payload import make_request_bytes, make_response_bytes
from detectors.operations.rate_change import make_rate_change
from detectors.operations.refusal_rate import make_refusal_rate
from detectors.operations.schema_violation_rate import make_schema_violation_rate
from detectors.operations.tokens import make_input_tokens, make_output_tokens
from detectors.operations.traffic import make_traffic
from detectors.operations.truncated_rate import make_truncated_rate
from detectors.operations.ttft import make_ttft
from detectors.operations.undecodable_rate import make_undecodable_rate
from detectors.performance.estimated import make_estimates
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
    "estimates": make_estimates,
    "error_rate": make_error_rate,
    "latency": make_latency,
    "ttft": make_ttft,
    "input_tokens": make_input_tokens,
    "output_tokens": make_output_tokens,
    "request_bytes": make_request_bytes,
    "response_bytes": make_response_bytes,
    "undecodable_rate": make_undecodable_rate,
    "truncated_rate": make_truncated_rate,
    "refusal_rate": make_refusal_rate,
    "schema_violation_rate": make_schema_violation_rate,
    "finish_reason": make_finish_reason,
    "traffic": make_traffic,
    "rate_change": make_rate_change,
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
