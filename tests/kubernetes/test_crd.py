"""The CRD at a real API server: what `evenhand validate` refuses is refused, the rest is kept.

Each wrong document is given to both. Where a schema cannot say it, the table says so: the admission
webhook is then the one that refuses.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from governance.component.crd import GROUP, PLURAL, VERSION
from governance.component.load import read_object

if TYPE_CHECKING:
    from tests.testkit.kubernetes import Kubernetes

ROOT = Path(__file__).parents[2]
PATH = f"/apis/{GROUP}/{VERSION}/namespaces/default/{PLURAL}"
MODEL = {"name": "m", "version": "1", "modality": ["tabular"]}

Document = dict[str, Any]


def _component(spec: Document, name: str = "c") -> Document:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


# What is put into a spec of one tabular model; each is wrong.
WRONG = """
- {model: {name: m, modality: [tabular]}}
- {model: {name: m, version: "1", modality: []}}
- {model: {name: m, version: 2.1, modality: [tabular]}}
- {model: {name: "", version: "1", modality: [tabular]}}
- {model: {name: m, version: "1", modality: [sound]}}
- {model: {name: m, version: "1", modality: tabular}}
- {monitorng: {}}
- {governance: {data_privacy: {}}}
- {governance: {dataPrivacy: {level: GDPR}}}
- {governance: {dataPrivacy: {anonymizationRequired: perhaps}}}
- {governance: {biasDetection: {thresholds: {demografic_parity_difference: 0.1}}}}
- {governance: {biasDetection: {thresholds: {demographic_parity_difference: 1.5}}}}
- {governance: {biasDetection: {thresholds: {demographic_parity_difference: -0.1}}}}
- {governance: {biasDetection: {thresholds: {demographic_parity_difference: "150%"}}}}
- {governance: {biasDetection: {thresholds: {demographic_parity_difference: high}}}}
- {governance: {biasDetection: {thresholds: {demographic_parity_difference: {}}}}}
- {governance: {biasDetection: {thresholds: {demographic_parity_difference: []}}}}
- {governance: {biasDetection: {minimumGroupSize: 1}}}
- {governance: {biasDetection: {minimumGroupSize: 30.5}}}
- {governance: {biasDetection: {metrics: [calibration]}}}
- {signals: {groups: {a: "column:a"}}, governance: {biasDetection: {intersections: [[a, a]]}}}
- {signals: {groups: {a: "column:a"}}, governance: {biasDetection: {intersections: [[a]]}}}
- {governance: {costOptimization: {autoscaling: {targetCPUUtilizationPercentage: 101}}}}
- {governance: {costOptimization: {autoscaling: {costThresholdUSDPerDay: -1}}}}
- {governance: {auditTrail: {logRetentionDays: 0}}}
- {release: {strategy: recreate}}
- {release: {rolloutMetrics: [{name: error_rate, threshold: 2}]}}
- {release: {rolloutMetrics: [{name: error_rate, threshold: 200ms}]}}
- {release: {rolloutMetrics: [{name: latency_p95, threshold: 5%}]}}
- {release: {rolloutMetrics: [{name: latency_p95, threshold: 0}]}}
- {release: {rolloutMetrics: [{name: input_tokens_p95, threshold: 1h}]}}
- {release: {rolloutMetrics: [{name: latency_p90, threshold: 200ms}]}}
- {release: {rolloutMetrics: [{name: drift}]}}
- {release: {rolloutMetrics: [{name: drift, threshold: {}}]}}
- {signals: {prediction: "rows:y"}}
- {signals: {prediction: "column:"}}
- {signals: {prediction: 5}}
- {signals: {prediction: "column:*"}}
- {signals: {prediction: "response:$..y"}}
- {signals: {prediction: "response:$.y[?@.a]"}}
- {signals: {prediction: "response:y"}}
- {signals: {favourable: {}}}
- {signals: {favourable: {in: []}}}
- {signals: {favourable: {in: ["1"], atLeast: 0.5}}}
- {signals: {favourable: {in: [{}]}}}
- {signals: {label: 5}}
- {signals: {label: {favourable: {atLeast: 1}}}}
- {signals: {groups: {a: 5}}}
- {signals: {groups: {a: [x]}}}
- {signals: {groups: {a: {from: 5}}}}
- {signals: {groups: {a: {from: "column:a", others: lose}}}}
- {signals: {groups: {a: {names: {"1": x}}}}}
- {signals: {groups: {a: {from: "column:a", names: {"1": 2}}}}}
- {signals: {features: {text: "request:$.t"}}}
- {signals: {features: {smell: "column:x"}}}
- {signals: {features: {tabular: "x"}}}
- {model: {name: m, version: "1", modality: [text]}, signals: {features: {text: "column:*"}}}
- {model: {name: m, version: "1", modality: [text]}, signals: {features: {text: {from: "input:*"}}}}
- {capture: {sampling: 2}}
- {capture: {cpuBudget: 0}}
- {capture: {upstreamPort: 70000}}
- {capture: {maxBodyBytes: -1}}
- {baseline: {sha256: abc}}
- {baseline: {uri: a, fromTraffic: {events: 5000}}}
- {baseline: {fromTraffic: {events: 10}}}
- {monitoring: {windows: {every: 1 hour}}}
- {monitoring: {windows: {every: 60}}}
- {monitoring: {windows: {every: 0s}}}
- {monitoring: {windows: {every: 1h, events: 1000}}}
- {monitoring: {windows: {events: 1000, slide: 10m}}}
- {monitoring: {windows: {maxAge: 1h}}}
- {monitoring: {windows: {every: 1h, slide: 7m}}}
- {monitoring: {windows: {slide: 11m}}}
- {monitoring: {windows: {every: 1d, slide: 1h}}}
- {monitoring: {windows: {every: 1w, slide: 3d}}}
- {monitoring: {maxLoss: 105%}}
- {monitoring: {falseAlarmEvery: 5}}
- {monitoring: {labels: {maxPending: 10}}}
- {monitoring: {drift: {threshold: 0}}}
- {monitoring: {alerts: [{check: drift, breaches: 5, ofWindows: 3}]}}
- {monitoring: {drift: {numeric: chi}}}
- {monitoring: {drift: {features: {a: {threshold: -1}}}}}
- {monitoring: {drift: {features: {joint: {test: psi}}}}}
- {monitoring: {drift: {features: {a: {test: "evidently:ks", threshold: 1.5}}}}}
- {actions: [{do: notify}]}
- {actions: [{do: page, webhook: w}]}
- {actions: [{do: notify, webhook: w, cooldown: soon}]}
- {actions: [{do: notify, webhook: w, when: {severity: fatal}}]}
- {actions: [{do: notify, webhook: w, "on": {severity: fatal}}]}
- {actions: [{do: notify, webhook: w, when: {windows: 0}}]}
- {actions: [{do: notify, webhook: w, when: {}, "on": {}}]}
- {actions: {do: notify, webhook: w}}
- {actions: [{do: rollback, webhook: w, registry: {}}]}
- {actions: [{do: notify, registry: {}}]}
- [not, a, mapping]
"""

# Wrong too, but about names that CEL cannot see: left to the webhook.
BEYOND = """
- {governance: {biasDetection: {groups: [sex]}}}
- {signals: {groups: {a: "column:a"}}, governance: {biasDetection: {intersections: [[a, b]]}}}
- signals: {features: {tabular: {from: "column:*", exclude: [id]}}}
  monitoring: {drift: {features: {id: {threshold: 0.2}}}}
"""

RIGHT = """
- {}
- model: {name: m, version: "1", modality: [text, image]}
  signals: {features: {text: "request:$.t"}}
- {governance: {biasDetection: {thresholds: {demographic_parity_difference: "10%"}}}}
- {governance: {biasDetection: {thresholds: {demographic_parity_difference: 0}}}}
- {governance: {biasDetection: {monitoringEndpoint: null}}}
- {signals: {groups: {a: "column:a", b: {from: "input:b", names: {"1": x}, others: drop}}}}
- {signals: {label: "column:y", favourable: {in: [1, "2", true, 0.5]}}}
- {signals: {label: {from: "column:y", favourable: {atLeast: 0.5}}}}
- {signals: {features: {tabular: "column:*"}, time: "request:$.messages[-1:]['a'][*]"}}
- {monitoring: {windows: {every: 1d, slide: 2h}}}
- {monitoring: {windows: {every: 1w, slide: 3d12h}}}
- {monitoring: {windows: {slide: 7m30s}}}
- {monitoring: {windows: {events: 1000, maxAge: 1h}, lateness: 30s, labelHorizon: 0s, maxLoss: 5%}}
- monitoring:
    drift: {features: {joint: {threshold: 0.2}, a: {test: "evidently:psi", threshold: 2}}}
- release:
    rolloutMetrics: [{name: error_rate, threshold: 1%}, {name: latency_p95, threshold: 200}]
- release:
    rolloutMetrics: [{name: latency_p95, threshold: 1m30s}, {name: log_loss, threshold: 3}]
- {actions: [{do: rollback, registry: {alias: champion}}]}
- {actions: [{do: rollback, webhook: w, "on": {check: drift}}, {do: notify, webhook: w, when: {}}]}
"""


def _specs(text: str) -> list[Any]:
    read = yaml.safe_load(text)
    return [value if isinstance(value, list) else {"model": MODEL, **value} for value in read]


def _said(document: Document) -> str:
    return "; ".join(f"{p.path}: {p.message}" for p in read_object(document, "c").problems)


def _words(spec: Any) -> str:
    return json.dumps(spec).replace(json.dumps(MODEL), "M")[:90]


@pytest.mark.parametrize("spec", _specs(WRONG), ids=_words)
def test_what_validate_refuses_is_refused_by_the_api_server(
    kubernetes: Kubernetes, spec: Any
) -> None:
    """With fields read strictly, as kubectl asks by default."""
    document = _component(spec)
    assert _said(document) != ""
    refusal = kubernetes.apply(f"{PATH}/c", document)
    assert refusal != "", f"validate says: {_said(document)}"


@pytest.mark.parametrize("spec", _specs(BEYOND), ids=_words)
def test_what_a_schema_cannot_say_is_known(kubernetes: Kubernetes, spec: Any) -> None:
    """The list is as complete as the test above: nothing else may be let through."""
    document = _component(spec, "beyond")
    assert _said(document) != ""
    assert kubernetes.apply(f"{PATH}/beyond", document) == ""


@pytest.mark.parametrize("spec", _specs(RIGHT), ids=_words)
def test_what_validate_accepts_comes_back_as_it_was(kubernetes: Kubernetes, spec: Any) -> None:
    """Nothing is pruned, defaulted or converted: Git and the cluster hold the same spec."""
    document = _component(spec, "right")
    assert _said(document) == ""
    kubernetes.client.delete(f"{PATH}/right")
    assert kubernetes.apply(f"{PATH}/right", document) == ""
    assert kubernetes.get(f"{PATH}/right")["spec"] == spec


@pytest.mark.parametrize(
    "file",
    [
        "examples/customer-sentiment-analyzer.yaml",
        "examples/census-employment.yaml",
        "examples/counterfactual/sentiment.yaml",
    ],
)
def test_every_example_of_a_component_is_accepted(kubernetes: Kubernetes, file: str) -> None:
    """What people copy works in a cluster too."""
    document = yaml.safe_load((ROOT / file).read_text())
    document["metadata"]["namespace"] = "default"
    name = document["metadata"]["name"]
    assert kubernetes.apply(f"{PATH}/{name}", document) == ""
    assert kubernetes.get(f"{PATH}/{name}")["spec"] == document["spec"]


def test_what_comes_back_is_a_component_again(kubernetes: Kubernetes) -> None:
    """`kubectl get -o yaml` can be read by `evenhand validate`."""
    document = _component({"model": MODEL}, "back")
    assert kubernetes.apply(f"{PATH}/back", document) == ""
    assert _said(kubernetes.get(f"{PATH}/back")) == ""


def test_the_status_is_a_subresource(kubernetes: Kubernetes) -> None:
    """Writing the spec leaves it alone, and its own words are checked."""
    document = _component({"model": MODEL}, "state")
    assert kubernetes.apply(f"{PATH}/state", document) == ""
    status = {
        "observedGeneration": 1,
        "worstStatus": "breach",
        "alerts": {"firing": 1, "pending": 0},
        "pods": {"injected": 2, "refused": 0, "missing": 0, "outdated": 1},
    }
    wrong = copy.deepcopy(document) | {"status": status | {"worstStatus": "bad"}}
    assert "worstStatus" in kubernetes.apply(f"{PATH}/state/status", wrong)
    right = copy.deepcopy(document) | {"status": status}
    assert kubernetes.apply(f"{PATH}/state/status", right) == ""
    assert kubernetes.apply(f"{PATH}/state", document) == ""
    assert kubernetes.get(f"{PATH}/state")["status"] == status
    generation = kubernetes.get(f"{PATH}/state")["metadata"]["generation"]
    assert generation == 1


def test_columns_show_how_it_stands(kubernetes: Kubernetes) -> None:
    """What `kubectl get` prints, asked for as kubectl asks; the short name leads there."""
    answer = kubernetes.client.get(
        PATH, headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    ).json()
    names = [column["name"] for column in answer["columnDefinitions"]]
    assert names[:7] == ["Name", "Model", "Version", "Status", "Firing", "Window", "In-Force"]
    (resource,) = [
        r for r in kubernetes.get(f"/apis/{GROUP}/{VERSION}")["resources"] if r["name"] == PLURAL
    ]
    assert resource["shortNames"] == ["aic", "mmac"]
