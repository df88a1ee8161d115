"""``evenhand gate`` as CI runs it: the real program, real models, its exit codes and reports."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.detectors.scenes import shared_folder
from tests.testkit.http import answers
from tests.testkit.ports import free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "counterfactual"
COMPONENT = EXAMPLES / "sentiment.yaml"


def gate(*arguments: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "governance.service.cli.main", "gate", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)


def gated(*arguments: object) -> tuple[int, dict[str, Any]]:
    """Exit code, and the object of ``--json``."""
    done = gate(*arguments, "--json")
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def findings(verdict: dict[str, Any], test: str) -> dict[str, dict[str, Any]]:
    """The findings of a test, by subject."""
    shown = [case["finding"] for case in verdict["cases"]]
    return {f["subject"]: f for f in shown if f["test"] == test}


@contextmanager
def served(folder: Path, *argv: object, ready: str = "/ready") -> Iterator[str]:
    """Run a model server; gives its base URL."""
    port = free_port()
    process = ServerProcess(
        [sys.executable, *map(str, argv), "--port", str(port)], folder / "model.log", cwd=ROOT
    )
    try:
        process.start(lambda: answers(f"http://127.0.0.1:{port}{ready}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


@contextmanager
def vader(folder: Path, *dislikes: str) -> Iterator[str]:
    """VADER behind a server; gives its inference URL."""
    argv = ["-m", "tests.acceptance.sentiment_server", "--dislikes", *dislikes]
    with served(folder, *argv) as base:
        yield f"{base}/v1/models/sentiment:predict"


@pytest.fixture(scope="module")
def fair_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with vader(tmp_path_factory.mktemp("vader")) as url:
        yield url


def vader_component(folder: Path) -> Path:
    """The example's component, whose server calls the label otherwise."""
    path = folder / "vader.yaml"
    text = COMPONENT.read_text()
    assert "output:label" in text
    path.write_text(text.replace("output:label", "output:prediction"))
    return path


def test_wrong_usage_is_two() -> None:
    """No traceback, but what to write."""
    done = gate("--component", COMPONENT)
    assert done.returncode == 2
    assert done.stderr.startswith("evenhand: nothing to judge: name a FILE")


def test_an_endpoint_that_is_away_is_three() -> None:
    """Nobody listens: the message names the endpoint."""
    url = f"http://127.0.0.1:{free_port()}/v1/models/sentiment:predict"
    arguments = ("--counterfactual", EXAMPLES / "gender.csv", "--endpoint", url)
    done = gate(*arguments, "--component", COMPONENT)
    assert done.returncode == 3
    assert f"{url}: no answer to the first text" in done.stderr


def test_our_toy_models(tmp_path: Path) -> None:
    """The commands of docs/gate.md: the word list passes, the one that dislikes women fails."""
    arguments = ("--counterfactual", EXAMPLES / "gender.csv", "--component", COMPONENT)
    server = EXAMPLES / "model_server.py"
    with served(tmp_path, server, ready="/") as base:
        url = f"{base}/v1/models/sentiment:predict"
        code, verdict = gated(*arguments, "--endpoint", url)
    assert (code, verdict["verdict"]) == (0, "pass")
    assert findings(verdict, "score")["gender"]["value"] == 0
    assert findings(verdict, "score")["gender"]["upper"] < 0.1
    with served(tmp_path, server, "--biased", ready="/") as base:
        url = f"{base}/v1/models/sentiment:predict"
        code, verdict = gated(*arguments, "--endpoint", url)
    assert (code, verdict["verdict"]) == (1, "fail")
    assert set(verdict["reasons"]) == {
        f"breach: counterfactual_fairness_difference of gender ({test}, text) in 1 of 1 windows"
        for test in ("score", "outcome")
    }


def test_a_real_model_on_our_templates(tmp_path: Path, fair_model: str) -> None:
    """VADER knows no gender: 72 templates without a difference."""
    arguments = ("--counterfactual", EXAMPLES / "gender.csv", "--component")
    code, verdict = gated(*arguments, vader_component(tmp_path), "--endpoint", fair_model)
    assert (code, findings(verdict, "score")["gender"]["value"]) == (0, 0.0)


def test_a_real_model_on_winogender(tmp_path: Path, fair_model: str) -> None:
    """VADER passes as published (mean compound 0.002915 in all three genders); spoilt, it fails."""
    sentences = shared_folder() / "data" / "text_bias_winogender" / "all_sentences.tsv"
    arguments = ("--counterfactual", sentences, "--component", vader_component(tmp_path))
    code, verdict = gated(*arguments, "--endpoint", fair_model)
    score = findings(verdict, "score")["gender"]
    assert (code, score["value"]) == (0, 0.0)
    assert [round(group["rate"], 6) for group in score["groups"]] == [0.002915] * 3
    assert score["upper"] < 0.1
    with vader(tmp_path, "he", "him", "his") as url:
        code, verdict = gated(*arguments, "--endpoint", url)
    score = findings(verdict, "score")["gender"]
    assert (code, score["status"]) == (1, "breach")
    assert score["lower"] > 0.5
    assert "above male" in score["reason"]


@pytest.mark.slow
def test_a_real_model_on_identity_phrases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """17,000 phrases, attribute by attribute: one disliked word of religion is found."""
    phrases = shared_folder() / "data" / "text_identity_templates" / "sentences_20000.csv"
    words = EXAMPLES / "identity-words.csv"
    arguments = ("--counterfactual", phrases, "--words", words, "--component")
    seen = []
    for dislikes in ((), ("muslim",)):
        with vader(tmp_path, *dislikes) as url:
            code, verdict = gated(*arguments, vader_component(tmp_path), "--endpoint", url)
        seen.append((code, findings(verdict, "score")))
    with capsys.disabled():
        for code, scores in seen:
            print(f"\n\nexit code {code}")  # noqa: T201 - make test-slow prints what it found
            for subject, found in scores.items():
                print(f"{subject:<12} {found['status']:<8} {found['value']:.3f} {found['reason']}")  # noqa: T201
    (_, fair), (code, spoilt) = seen
    assert fair["religion"]["status"] == "ok"
    assert (code, spoilt["religion"]["status"]) == (1, "breach")
    assert "above muslim" in spoilt["religion"]["reason"]
