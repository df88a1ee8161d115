"""Components from files: what is accepted, and how every problem is said."""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path

import pytest

from governance.component.load import (
    load_components,
    read_canonical,
    read_components,
)
from governance.component.metrics import RateCheck
from governance.component.schema import Modality
from governance.errors import InvalidComponent

EXAMPLES = Path(__file__).parents[3] / "examples"

PUBLISHED_SHA256 = "464f0205e6ef9d28c3481986b6ccf959e47a5aac7d156be696a1da6d3dcc4c6d"

HEAD = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: credit}
"""
MODEL = """\
spec:
  model: {name: m, version: "1", modality: [tabular]}
"""


def _write(folder: Path, text: str, name: str = "c.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def _messages(path: Path) -> list[str]:
    with pytest.raises(InvalidComponent) as caught:
        load_components([path])
    return [str(problem).replace(f"{path.parent}/", "") for problem in caught.value.problems]


def _spec(folder: Path, text: str) -> list[str]:
    return _messages(_write(folder, HEAD + MODEL + textwrap.indent(textwrap.dedent(text), "  ")))


def test_the_published_example_is_a_component() -> None:
    """Every field is accepted and means what it says."""
    (loaded,) = load_components([EXAMPLES / "customer-sentiment-analyzer.yaml"])
    spec = loaded.component.spec
    assert str(loaded.component.key) == "prod-ai-components/customer-sentiment-analyzer-v2"
    assert spec.model.modality == (Modality.TEXT, Modality.VOICE)
    assert spec.governance.bias_detection.thresholds["equal_opportunity_difference"] == 0.08
    assert spec.governance.cost_optimization.autoscaling.cost_threshold_usd_per_day == 50
    assert [metric.limit for metric in spec.release.rollout_metrics] == [0.01, 200.0]


def test_the_published_example_is_kept_word_for_word() -> None:
    """Nobody improves what others have copied."""
    text = (EXAMPLES / "customer-sentiment-analyzer.yaml").read_bytes()
    assert hashlib.sha256(text).hexdigest() == PUBLISHED_SHA256


def test_fields_that_nothing_acts_on_yet_are_notices() -> None:
    """Nobody shall trust in what is not built; the component is valid all the same."""
    reading = read_components([EXAMPLES / "customer-sentiment-analyzer.yaml"])
    assert reading.problems == ()
    assert {
        "spec.model.repository",
        "spec.webComponent",
        "spec.governance.costOptimization",
    } <= {notice.path for notice in reading.notices}
    assert all(notice.line for notice in reading.notices)


def test_every_example_is_valid() -> None:
    """The folder of examples loads as a folder of components."""
    assert len(load_components([EXAMPLES])) >= 2


def test_a_component_comes_back_from_its_canonical_text(tmp_path: Path) -> None:
    """What a generation records gives the same component, whatever the file's layout."""
    (first,) = load_components([EXAMPLES / "customer-sentiment-analyzer.yaml"])
    assert read_canonical(first.canonical) == first.component
    relaid = _write(tmp_path, HEAD.replace("metadata:", "# remark\nmetadata:") + MODEL)
    (second,) = load_components([relaid])
    (third,) = load_components([_write(tmp_path, HEAD + MODEL, "d.yaml")])
    assert second.canonical == third.canonical


def test_short_forms_are_read(tmp_path: Path) -> None:
    """A selector alone, unquoted codes, percent, and ``on`` as a key."""
    path = _write(
        tmp_path,
        HEAD
        + MODEL
        + """\
  signals:
    label: column:y
    groups: {sex: column:SEX, race: {from: column:R, names: {1: white, 2: black}}}
  monitoring: {maxLoss: 5%}
  actions: [{on: {check: drift}, do: notify, webhook: team}]
""",
    )
    spec = load_components([path])[0].component.spec
    assert spec.signals.groups["race"].names == {"1": "white", "2": "black"}
    assert spec.monitoring.max_loss == 0.05
    assert spec.actions[0].on.check == "drift"


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    """One run of validate is enough to know everything that is wrong."""
    _write(tmp_path, HEAD + "spec: {model: {name: m}}\n", "a.yaml")
    _write(tmp_path, HEAD + MODEL + "  monitorng: {}\n", "b.yaml")
    with pytest.raises(InvalidComponent) as caught:
        load_components([tmp_path])
    found = [(Path(p.file).name, p.line, p.path) for p in caught.value.problems]
    assert found == [
        ("a.yaml", 4, "spec.model.version"),
        ("a.yaml", 4, "spec.model.modality"),
        ("b.yaml", 6, "spec.monitorng"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "monitorng: {windows: {every: 1h}}",
            "c.yaml:6: spec.monitorng: unknown key (did you mean 'monitoring'?); allowed: model, ",
        ),
        (
            "governance: {data_privacy: {}}",
            "spec.governance.data_privacy: unknown key (did you mean 'dataPrivacy'?)",
        ),
        (
            "governance:\n  dataPrivacy: {level: GDPR}",
            (
                "c.yaml:7: spec.governance.dataPrivacy.level: found 'GDPR', allowed: "
                "GDPR_compliant, open"
            ),
        ),
        (
            "monitoring: {windows: {every: 1 hour}}",
            "spec.monitoring.windows.every: found '1 hour': '1 hour' is not a duration: write",
        ),
        (
            "monitoring: {windows: {every: 1h, events: 5}}",
            "spec.monitoring.windows: found a mapping: write one of every and events",
        ),
        (
            "monitoring: {windows: {every: 1h, slide: 1m}}",
            "every is 60 times slide, at most 16 times",
        ),
        ("monitoring: {maxLoss: 7}", "spec.monitoring.maxLoss: found 7: input should be less"),
        ("monitoring: {maxLoss: .nan}", "spec.monitoring.maxLoss: found nan: input should be"),
        ("monitoring: {maxLoss: some%}", "spec.monitoring.maxLoss: found 'some%'"),
        (
            "signals: {id: columns:x}",
            "spec.signals.id: found 'columns:x': 'columns:x' is not a selector: write KIND:NAME",
        ),
        ("signals: {id: 'request:$.a['}", "spec.signals.id: '$.a[' is not a JSONPath"),
        ("signals: {id: 'request:$..a'}", "spec.signals.id: '$..a': '..' is not allowed"),
        ("signals: {id: 'request:$[?@.a]'}", "only names, indices, slices and [*] are allowed"),
        ("signals: {id: 'column:*'}", "spec.signals.id: '*' stands for many columns"),
        (
            "signals: {favourable: {in: [2024-01-01]}}",
            "spec.signals.favourable.in[0]: found datetime.date(2024, 1, 1): an outcome is text",
        ),
        ("signals: {favourable: {in: []}}", "spec.signals.favourable: found a mapping: in: []"),
        ("signals: {favourable: {}}", "write exactly one of in: [...] and atLeast: NUMBER"),
        (
            "signals: {features: {text: column:t}}",
            "spec.signals.features.text: spec.model.modality lists only tabular",
        ),
        (
            "governance: {biasDetection: {thresholds: {demografic_parity_difference: .1}}}",
            "is no fairness metric (did you mean 'demographic_parity_difference'?)",
        ),
        (
            "governance: {biasDetection: {thresholds: {accuracy_difference: .1}}}",
            "is no fairness metric (did you mean 'accuracy_score_difference'?)",
        ),
        (
            "governance: {biasDetection: {metrics: [calibration_within_group_difference]}}",
            "is no fairness metric (did you mean 'calibration_within_groups_difference'?)",
        ),
        (
            "governance: {biasDetection: {groups: [sex]}}",
            (
                "spec.governance.biasDetection.groups[0]: 'sex' is no attribute of "
                "spec.signals.groups; allowed: none declared"
            ),
        ),
        (
            (
                "signals: {groups: {sex: column:s}}\n"
                "governance: {biasDetection: {intersections: [[sex, sex]]}}"
            ),
            "an intersection is of at least two different attributes",
        ),
        (
            (
                "signals: {features: {tabular: {from: 'column:*', exclude: [id]}}}\n"
                "monitoring: {drift: {features: {id: {threshold: .2}}}}"
            ),
            "spec.monitoring.drift.features.id: 'id' is excluded",
        ),
        (
            "release: {rolloutMetrics: [{name: eror_rate, threshold: .1}]}",
            (
                "spec.release.rolloutMetrics[0].name: 'eror_rate' is no check "
                "(did you mean 'error_rate'?)"
            ),
        ),
        (
            "release: {rolloutMetrics: [{name: error_rate, threshold: 200ms}]}",
            "spec.release.rolloutMetrics[0].threshold: found '200ms': write a share in [0, 1]",
        ),
        (
            "release: {rolloutMetrics: [{name: latency_p95, threshold: 5%}]}",
            "spec.release.rolloutMetrics[0].threshold: found '5%': write a duration",
        ),
        (
            "release: {rolloutMetrics: [{name: ttft_p95, threshold: 0}]}",
            "spec.release.rolloutMetrics[0].threshold: found 0.0: write a duration, for example",
        ),
        (
            "release: {rolloutMetrics: [{name: output_tokens_p95, threshold: 2s}]}",
            "spec.release.rolloutMetrics[0].threshold: found '2s': write a number above 0, for",
        ),
        (
            "release: {rolloutMetrics: [{name: request_bytes_p95, threshold: 5%}]}",
            "found '5%': write a number above 0, for example 4096",
        ),
        (
            "release: {rolloutMetrics: [{name: refusal_rate, threshold: 5}]}",
            "found 5.0: write a share in [0, 1], for example 0.01 or 1%",
        ),
        (
            "release: {rolloutMetrics: [{name: input_token_p95, threshold: 5}]}",
            "'input_token_p95' is no check (did you mean 'input_tokens_p95'?)",
        ),
        (
            "baseline: {sha256: abc}",
            "spec.baseline.sha256: found 'abc': string should match pattern",
        ),
    ],
)
def test_a_problem_says_place_finding_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    """File, line, path, what was found, what is allowed, what was probably meant."""
    found = _spec(tmp_path, text)
    assert len(found) == 1, found
    assert message in found[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.yaml: holds no MultimodalAIComponent: the file is empty"),
        ("# only a remark\n", "holds no MultimodalAIComponent"),
        ("just text\n", "c.yaml:1: found 'just text', expected a mapping of keys"),
        ("[1, 2]\n", "c.yaml:1: found a list, expected a mapping of keys"),
        (
            HEAD.replace("Component\n", "Componet\n") + MODEL,
            (
                "c.yaml:2: kind: found 'MultimodalAIComponet', allowed: MultimodalAIComponent "
                "(did you mean 'MultimodalAIComponent'?)"
            ),
        ),
        (HEAD + "spec: 5\n", "c.yaml:4: spec: found 5, expected a mapping of keys"),
        (HEAD, "c.yaml:1: spec: is required and not there"),
        (
            HEAD.replace("credit", "Credit Risk") + MODEL,
            "c.yaml:3: metadata.name: found 'Credit Risk': string should match pattern",
        ),
        (
            HEAD.replace("metadata: {", "metadata: {namespce: shop, ") + MODEL,
            "c.yaml:3: metadata.namespce: unknown key (did you mean 'namespace'?)",
        ),
        (
            HEAD + MODEL.replace('"1"', "2.1"),
            (
                "c.yaml:5: spec.model.version: found the number 2.1, expected text: write it in "
                "quotes"
            ),
        ),
        (
            HEAD + MODEL.replace("[tabular]", "[tabluar]"),
            (
                "c.yaml:5: spec.model.modality[0]: found 'tabluar', allowed: tabular, text, image, "
                "voice (did you mean 'tabular'?)"
            ),
        ),
        (
            HEAD + MODEL.replace("[tabular]", "[]"),
            "c.yaml:5: spec.model.modality: found a list, expected at least one item",
        ),
    ],
)
def test_a_document_that_is_no_component_says_so(tmp_path: Path, text: str, message: str) -> None:
    """Empty, of another shape, of another kind, or without what is required."""
    assert message in _messages(_write(tmp_path, text))[0]


def test_a_wrong_item_is_said_once(tmp_path: Path) -> None:
    """A list whose only item is wrong is not called empty as well."""
    found = _messages(_write(tmp_path, HEAD + MODEL.replace("[tabular]", "[tabluar]")))
    assert len(found) == 1, found


def test_a_name_that_is_declared_twice_is_a_problem(tmp_path: Path) -> None:
    """Two files cannot both say what one component is."""
    _write(tmp_path, HEAD + MODEL, "a.yaml")
    second = _write(tmp_path, HEAD + MODEL + "---\n" + HEAD.replace("credit", "x") + MODEL)
    reading = read_components([tmp_path])
    assert len(reading.components) == 3
    (problem,) = reading.problems
    assert problem.file == str(second)
    assert "default/credit is declared twice, first in" in problem.message


def test_other_kinds_beside_components_are_skipped_and_said(tmp_path: Path) -> None:
    """A folder under GitOps holds more than components."""
    _write(tmp_path, HEAD + MODEL)
    _write(tmp_path, "apiVersion: v1\nkind: Service\n", "s.yaml")
    reading = read_components([tmp_path])
    assert (len(reading.components), reading.problems) == (1, ())
    assert [notice.message for notice in reading.notices] == ["skipped: a Service is not ours"]


def test_hidden_folders_are_left_out(tmp_path: Path) -> None:
    """A mounted ConfigMap shows each file once although it keeps it twice."""
    hidden = tmp_path / "..2026_11_24"
    hidden.mkdir()
    _write(hidden, HEAD + MODEL)
    (tmp_path / "c.yaml").symlink_to(hidden / "c.yaml")
    assert len(load_components([tmp_path])) == 1


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    """A path that names nothing is a mistake."""
    with pytest.raises(InvalidComponent, match="this folder holds no"):
        load_components([tmp_path])


def test_a_rollback_without_a_registry_is_a_notice(tmp_path: Path) -> None:
    """It can work, but the receiver must know the version itself."""
    path = _write(tmp_path, HEAD + MODEL + "  actions: [{do: rollback, webhook: ops}]\n")
    (notice,) = read_components([path]).notices
    assert (notice.path, notice.line) == ("spec.actions[0].do", 6)


def test_every_check_of_operations_has_a_limit_of_its_kind(tmp_path: Path) -> None:
    """The example that a message gives is one that is accepted."""
    metrics = ", ".join(f"{{name: {check}, threshold: {check.example}}}" for check in RateCheck)
    path = _write(tmp_path, f"{HEAD}{MODEL}  release: {{rolloutMetrics: [{metrics}]}}\n")
    (loaded,) = load_components([path])
    assert len(loaded.component.spec.release.rollout_metrics) == len(RateCheck)


def test_live_embeddings_that_are_left_out_are_notices(tmp_path: Path) -> None:
    """Pictures without a profile, and sums by another clock than the events'."""
    (tmp_path / "c.yaml").write_text(
        "{apiVersion: apexlogic.io/v1alpha1, kind: MultimodalAIComponent, metadata: {name: m}, "
        "spec: {model: {name: m, version: '1', modality: [text, image]}, "
        "signals: {time: 'request:$.t'}}}"
    )
    reading = read_components([tmp_path])
    assert reading.problems == ()
    assert {"spec.signals.time", "spec.model.modality[1]"} <= {n.path for n in reading.notices}
