"""Asking an endpoint over real HTTP: answers in order, every failure counted, nothing endless."""

from __future__ import annotations

import gzip
import json
import math
import threading
from typing import Any

import pytest

from governance.component.schema import Component
from governance.service.counterfactual import endpoint
from governance.service.counterfactual.answer import Answer, AnswerReader
from governance.service.counterfactual.endpoint import Manners, Unreachable, ask
from governance.service.counterfactual.request import find_form
from tests.governance.service.counterfactual.serving import (
    PATH,
    Reply,
    completion,
    predictions,
    serving,
    tensor,
)
from tests.testkit.ports import free_port

TEXTS = [f"text {i}" for i in range(40)]
PATIENT = Manners(max_loss=1.0)


def sentiment(**signals: Any) -> Component:
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "s"},
            "spec": {
                "model": {"name": "m", "version": "1", "modality": ["text"]},
                "signals": signals or {"favourable": {"in": ["positive"]}},
            },
        }
    )


def asked(
    url: str, texts: list[str], manners: Manners = PATIENT, component: Component | None = None
) -> list[Answer]:
    component = component or sentiment()
    form = find_form(component, url, None)
    return ask(form, AnswerReader(component, form.protocol), texts, manners)


def scored(text: str) -> Reply:
    """The number in the text as score; odd ones are positive."""
    number = int(text.split()[1])
    label = "positive" if number % 2 else "negative"
    return predictions({"prediction": label, "score": number / 100})


def test_answers_are_in_order() -> None:
    """Score and outcome of each text, as capture reads them, however many are under way."""
    with serving(scored) as served:
        answers = asked(served.url, TEXTS)
    assert [answer.score for answer in answers] == [i / 100 for i in range(40)]
    assert [answer.outcome for answer in answers] == [i % 2 for i in range(40)]
    assert sorted(served.texts) == sorted(TEXTS)


def test_no_more_than_agreed_at_a_time() -> None:
    """The bound holds, and it is used: three wait for each other to come."""
    together = threading.Barrier(3)

    def reply(text: str) -> Reply:
        if text != TEXTS[0]:  # it is asked alone
            together.wait(timeout=20)
        return scored(text)

    with serving(reply) as served:
        asked(served.url, TEXTS, Manners(concurrency=3, max_loss=1.0))
    assert served.most_at_once == 3


GOOD = b'{"predictions": [{"prediction": "positive", "score": 0.5}]}'


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(b'{"error": "x"}', 500), "http_500"),
        (Reply(b"busy", 503), "http_503"),
        (Reply(b"", 302, headers={"location": "http://127.0.0.1:1/"}), "http_302"),
        (Reply(b"<html>", 200), "unreadable_not_json"),
        (Reply(b"", 200), "unreadable_no_body"),
        (Reply(b"[1]", 200), "unreadable_no_outputs"),
        (Reply(b'{"predictions": []}', 200), "unreadable_instances"),
        (Reply(b'{"predictions": [1, 2]}', 200), "unreadable_instances"),
        (Reply(GOOD, headers={"content-encoding": "br"}), "unreadable_content_encoding"),
        (Reply(GOOD[:20], length=len(GOOD)), "broken_connection"),
        (Reply(b"[" * 100_000), "unreadable_not_json"),
    ],
)
def test_failures_have_names(reply: Reply, problem: str) -> None:
    """One bad answer among good ones costs itself and nothing else."""
    with serving(lambda text: reply if text == TEXTS[7] else scored(text)) as served:
        answers = asked(served.url, TEXTS)
    assert [answer.problem for answer in answers].count("") == 39
    assert answers[7].problem == problem
    assert math.isnan(answers[7].score)


@pytest.mark.parametrize("token", ["NaN", "Infinity", "null", '"high"'])
def test_scores_that_are_no_numbers(token: str) -> None:
    """They are missing, never a number; the outcome beside them counts."""
    body = f'{{"predictions": [{{"prediction": "positive", "score": {token}}}]}}'.encode()
    with serving(lambda _: Reply(body)) as served:
        (answer,) = asked(served.url, TEXTS[:1])
    assert (math.isnan(answer.score), answer.outcome, answer.problem) == (True, 1.0, "")


def test_a_compressed_answer_is_read() -> None:
    """Servers may answer gzip, which is asked for."""
    reply = Reply(gzip.compress(GOOD), headers={"content-encoding": "gzip"})
    with serving(lambda _: reply) as served:
        (answer,) = asked(served.url, TEXTS[:1])
    assert (answer.score, answer.problem) == (0.5, "")


def test_an_answer_that_is_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound on what one answer may take."""
    monkeypatch.setattr(endpoint, "MAX_ANSWER_BYTES", 1_000)
    with serving(lambda _: Reply(b" " * 5_000 + GOOD)) as served:
        (answer,) = asked(served.url, TEXTS[:1])
    assert answer.problem == "too_long"


def test_a_silent_server_costs_its_time_and_no_more() -> None:
    """One text is never answered: a timeout, and the others are read."""
    release = threading.Event()

    def reply(text: str) -> Reply:
        if text == TEXTS[3]:
            release.wait(timeout=20)
        return scored(text)

    with serving(reply) as served:
        answers = asked(served.url, TEXTS[:6], Manners(timeout_seconds=0.3, max_loss=1.0))
        release.set()
    assert [answer.problem for answer in answers] == ["", "", "", "timeout", "", ""]


def test_a_dripping_answer_does_not_hold_the_gate() -> None:
    """A body that never ends in time is a timeout although bytes keep coming."""
    enough = threading.Event()
    slow = Reply(b" " * 1_000 + GOOD, drips=enough)
    with serving(lambda text: slow if text == TEXTS[1] else scored(text)) as served:
        answers = asked(served.url, TEXTS[:3], Manners(timeout_seconds=0.3, max_loss=1.0))
        enough.set()
    assert [answer.problem for answer in answers] == ["", "timeout", ""]


def test_nobody_there_is_unreachable() -> None:
    """The first question finds it out; the message names the endpoint."""
    url = f"http://127.0.0.1:{free_port()}{PATH}"
    with pytest.raises(Unreachable, match=f"{url}: no answer to the first text"):
        asked(url, TEXTS)


def test_a_hopeless_round_ends_early() -> None:
    """Past maxLoss no answer could mend it: the rest is not asked, and is said to be."""
    with serving(lambda _: Reply(b"", 500)) as served:
        answers = asked(served.url, TEXTS, Manners(concurrency=2, max_loss=0.05))
    problems = [answer.problem for answer in answers]
    assert len(served.texts) <= 5
    assert problems.count("http_500") == len(served.texts)
    assert problems.count("not_asked") == 40 - len(served.texts)


def test_the_token_is_sent_and_not_shown() -> None:
    """A bearer token goes out with every request; objects that may be logged do not hold it."""
    with serving(scored) as served:
        asked(served.url, TEXTS[:2], Manners(token="s3cret"))
    assert {headers["authorization"] for headers in served.headers} == {"Bearer s3cret"}
    assert "s3cret" not in repr(Manners(token="s3cret"))


def test_a_server_of_protocol_v2() -> None:
    """Named tensors in and out, and the version that the answer names."""
    outputs = [tensor("prediction", "BYTES", "positive"), tensor("score", "FP64", 0.7)]
    reply = Reply(json.dumps({"model_version": "9", "outputs": outputs}).encode())
    with serving(lambda _: reply, "/v2/models/m/infer") as served:
        (answer,) = asked(served.url, TEXTS[:1])
    assert served.texts == TEXTS[:1]
    assert answer == Answer(0.7, 1.0, version="9")


def test_a_chat() -> None:
    """The favourable outcome is what the model writes; there is no score."""
    component = sentiment(
        prediction="response:$.choices[0].message.content", favourable={"in": ["yes"]}
    )
    with serving(lambda t: completion("yes" if "1" in t else "no"), "/v1/chat/completions") as at:
        answers = asked(at.url, TEXTS[:3], component=component)
    assert at.texts[0] == TEXTS[0]
    assert [answer.outcome for answer in answers] == [0.0, 1.0, 0.0]
    assert all(math.isnan(answer.score) for answer in answers)


def test_progress_reaches_the_end() -> None:
    """It grows to 1."""
    seen: list[float] = []
    component = sentiment()
    with serving(scored) as served:
        form = find_form(component, served.url, None)
        ask(form, AnswerReader(component, form.protocol), TEXTS, PATIENT, seen.append)
    assert seen == sorted(seen)
    assert (len(seen), seen[-1]) == (40, 1.0)


@pytest.mark.parametrize(
    ("signals", "reply", "score", "outcome"),
    [
        ({"score": "response:$.predictions[*].p[1]"}, predictions({"p": [0.3, 0.7]}), 0.7, None),
        ({"favourable": {"atLeast": 0.5}}, predictions({"score": 0.7}), 0.7, 1.0),
        ({"favourable": {"in": ["1"]}}, predictions(1), None, 1.0),
        ({"favourable": {"in": ["1"]}}, predictions({"predict": 1, "probability": 0.9}), 0.9, 1.0),
    ],
)
def test_signals_say_where_the_answer_is(
    signals: dict[str, Any], reply: Reply, score: float | None, outcome: float | None
) -> None:
    """As in capture: selectors, names by default, listed outcomes or a bound."""
    with serving(lambda _: reply) as served:
        (answer,) = asked(served.url, TEXTS[:1], component=sentiment(**signals))
    assert answer.score == pytest.approx(math.nan if score is None else score, nan_ok=True)
    assert answer.outcome == pytest.approx(math.nan if outcome is None else outcome, nan_ok=True)
