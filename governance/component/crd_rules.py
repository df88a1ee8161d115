"""What the models check in code, said to the API server: CEL rules and limits, by class.

CEL sees nothing below a value of several types (the short forms of groups and features), so three
checks are left to the admission webhook: names of ``biasDetection.groups`` and ``intersections``
that ``signals.groups`` does not have, drift settings of excluded features, and all that needs the
settings (webhook names).
"""

from __future__ import annotations

from typing import Any, Final

from governance.component.checks import FAIRNESS, ROLLOUT_CHECKS
from governance.component.drift_tests import EVIDENTLY_METHODS, PREFIX
from governance.component.fields import DURATION_PATTERN, PERCENT_PATTERN, PLACE_PATTERN
from governance.component.metrics import LimitKind, RateCheck
from governance.component.modality import Modality
from governance.component.monitoring import MOST_PANES_IN_A_WINDOW

Schema = dict[str, Any]

_UNITS_US: Final = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7, "h": 3.6e9, "d": 8.64e10, "w": 6.048e11}
_RATES: Final = frozenset(check.value for check in RateCheck)
_NO_TEXT: Schema = {"pattern": "^$", "minLength": 1}
_NO_NUMBER: Schema = {"minimum": 1, "maximum": 0}


def rules() -> dict[str, Schema]:
    """Further keywords for the definition of each class."""
    return {
        "Baseline": _cel(
            "!(has(self.uri) && has(self.fromTraffic))", "write one of uri and fromTraffic"
        ),
        "Favourable": {"oneOf": [{"required": ["in"]}, {"required": ["atLeast"]}]},
        "Action": _merged(
            _cel("!(has(self.when) && has(self.on))", "write one of when and on"),
            _cel("has(self.webhook) != has(self.registry)", "write one of webhook and registry"),
            _cel(
                "!has(self.registry) || self.do == 'rollback'",
                "only a rollback moves an alias of the registry: write webhook",
            ),
        ),
        "AlertRule": _cel(
            "!has(self.breaches) || !has(self.ofWindows) || self.breaches <= self.ofWindows",
            "so many breaches of so few windows can never be",
        ),
        "Windows": _merged(*_windows()),
        "RolloutMetric": {"anyOf": [_limits(kind) for kind in LimitKind]},
        "FeatureDrift": _p_values(),
        "BiasDetection": _cel(
            "!has(self.intersections) || self.intersections.all(x, x.exists(a, a != x[0]))",
            "an intersection is of at least two different attributes",
        ),
        "Signals": {
            "allOf": [_no_star(modality) for modality in Modality if modality != "tabular"]
        },
        "Spec": _merged(_drift_tests(), _features()),
    }


def closed_lists(definitions: dict[str, Schema]) -> None:
    """Put closed lists of names, and the bounds that CEL's cost needs, into pydantic's schema."""
    bias = definitions["BiasDetection"]["properties"]
    bias["thresholds"]["propertyNames"] = {"enum": list(FAIRNESS)}
    bias["metrics"]["items"]["enum"] = list(FAIRNESS)
    bias["intersections"]["maxItems"] = 64
    bias["intersections"]["items"]["maxItems"] = 16
    bias["intersections"]["items"]["items"]["maxLength"] = 253
    definitions["RolloutMetric"]["properties"]["name"]["enum"] = list(ROLLOUT_CHECKS)
    definitions["Favourable"]["properties"]["in"]["anyOf"][0]["minItems"] = 1
    definitions["Model"]["properties"]["modality"]["maxItems"] = 16
    definitions["DriftSettings"]["properties"]["features"]["maxProperties"] = 2_000


def _cel(rule: str, message: str) -> Schema:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message}]}


def _merged(*schemas: Schema) -> Schema:
    merged: Schema = {}
    for schema in schemas:
        for keyword, values in schema.items():
            merged[keyword] = merged.get(keyword, []) + values
    return merged


def _windows() -> list[Schema]:
    every = f"(has(self.every) ? {_microseconds('self.every')} : 3600000000)"
    slide = _microseconds("self.slide")
    return [
        _cel("!(has(self.every) && has(self.events))", "write one of every and events"),
        _cel("!(has(self.events) && has(self.slide))", "slide goes with every"),
        _cel("!has(self.maxAge) || has(self.events)", "maxAge goes with events"),
        _cel(f"!has(self.slide) || {every} % {slide} == 0", "slide must divide every"),
        _cel(
            f"!has(self.slide) || {every} <= {MOST_PANES_IN_A_WINDOW} * {slide}",
            f"every is at most {MOST_PANES_IN_A_WINDOW} times slide: declare a longer slide",
        ),
    ]


def _microseconds(field: str) -> str:
    """A CEL expression for the length of a duration (CEL's own knows neither days nor weeks)."""
    factor = "1.0"
    # The longest unit's name is looked at first: ms ends with s.
    for unit, us in sorted(_UNITS_US.items(), key=lambda item: len(item[0])):
        factor = f"p.endsWith('{unit}') ? {float(us)!r} : {factor}"
    parts = f"{field}.findAll('[0-9.]+[a-z]+')"
    return f"int({parts}.map(p, double(p.find('[0-9.]+')) * ({factor})).sum() + 0.5)"


def _limits(kind: LimitKind) -> Schema:
    names = [name for name in ROLLOUT_CHECKS if _kind(name) is kind]
    number: Schema = {"minimum": 0, "exclusiveMinimum": True}
    threshold: dict[LimitKind, Schema] = {
        LimitKind.SHARE: {"minimum": 0, "maximum": 1, "pattern": PERCENT_PATTERN},
        LimitKind.DURATION: number | {"pattern": DURATION_PATTERN},
        LimitKind.NUMBER: number | _NO_TEXT,
    }
    return {"properties": {"name": {"enum": names}, "threshold": threshold[kind]}}


def _kind(name: str) -> LimitKind:
    return RateCheck(name).kind if name in _RATES else LimitKind.SHARE


def _p_values() -> Schema:
    tests = [f"'{PREFIX}{name}'" for name, method in EVIDENTLY_METHODS.items() if method.p_value]
    return _cel(
        "!has(self.test) || !has(self.threshold) || self.threshold < 1.0 || "
        f"!(self.test in [{', '.join(tests)}])",
        "this test gives a p-value and fails below the threshold: write a number below 1",
    )


def _drift_tests() -> Schema:
    """Embeddings and the joint subject have one test each: none may be named."""
    subject = (
        "(m == 'tabular' ? k in ['joint', 'tabular.joint'] : k in ['embedding', m + '.embedding'])"
    )
    features = "self.monitoring.drift.features"
    return _cel(
        "!has(self.monitoring) || !has(self.monitoring.drift) || "
        f"!has({features}) || {features}.all(k, !has({features}[k].test) || "
        f"!self.model.modality.exists(m, {subject}))",
        "an embedding is judged by mmd, joint by correlations: leave test out",
    )


def _no_star(modality: Modality) -> Schema:
    """Only tabular features may be all columns."""
    one: Schema = {"pattern": PLACE_PATTERN}
    limit = one | {"properties": {"from": one}}
    return {"properties": {"features": {"properties": {modality.value: limit}}}}


def _features() -> Schema:
    """Features of a modality that the model does not have; CEL cannot look at them."""
    rest = {m: [o.value for o in Modality if o is not m] for m in Modality}
    return {
        "allOf": [
            {
                "not": {
                    "required": ["signals"],
                    "properties": {
                        "model": {"properties": {"modality": {"items": {"enum": others}}}},
                        "signals": {
                            "required": ["features"],
                            "properties": {"features": {"required": [modality.value]}},
                        },
                    },
                }
            }
            for modality, others in rest.items()
        ]
    }
