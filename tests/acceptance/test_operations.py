"""A language model behind the sidecar: what captured conversations say of how it works."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.capture import Capture
from detectors.catalog import make_detectors
from detectors.component_state import ComponentState, Position
from detectors.state_rows import StateRows
from governance.component.schema import Component
from governance.errors import CaptureError
from governance.event import ComponentKey, EventBatch, MessageType
from governance.finding import Status
from governance.wire.columns import decode_events, encode_events
from governance.wire.headers import Stamp
from tests.collectors.exchanges import CHAT_PATH, KEYED, exchange

if TYPE_CHECKING:
    from collectors.base import Exchange
    from governance.finding import Finding

SECOND = 1_000_000
WINDOW = 300 * SECOND
START = 1_700_000_100 * SECOND
CALM = 130  # windows, enough for changes to be looked for
CHATS = 10  # a window
LIMITS = {
    "ttft_p95": "500ms",
    "output_tokens_p95": 2_000,
    "request_bytes_p95": 100_000,
    "undecodable_rate": "2%",
    "length_rate": "30%",
    "refusal_rate": "10%",
}


def component() -> Component:
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "chat", "namespace": "shop"},
            "spec": {
                "model": {"name": "chat", "version": "1", "modality": ["text"]},
                "monitoring": {"windows": {"every": "5m"}, "lateness": "1m"},
                "release": {
                    "rolloutMetrics": [{"name": n, "threshold": v} for n, v in LIMITS.items()]
                },
            },
        }
    )


@dataclass
class Sidecar:
    """Real bodies through capture and wire, as the reader does it; numbers its messages."""

    state: ComponentState
    findings: list[Finding] = field(default_factory=list)
    capture: Capture = field(default_factory=lambda: Capture(component(), KEYED))
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))
    sequence: int = 0

    def window(self, number: int, chats: int = CHATS, **trouble: Any) -> None:
        """The conversations of one window, evenly spread."""
        for i in range(chats):
            at = START + number * WINDOW + i * WINDOW // chats
            batch = self._event(self._chat(at, i, **trouble))
            (read, unknown) = decode_events(encode_events(batch))
            assert unknown == ()
            stamp = Stamp(
                *(MessageType.EVENTS, ComponentKey("shop", "chat"), "pod", self.sequence),
                watermark_us=at,
            )
            self.findings += self.state.events(read, Position(self.sequence, at + SECOND), stamp)
            self.sequence += 1

    def _event(self, seen: Exchange) -> EventBatch:
        try:
            batch = self.capture.capture(seen)
        except CaptureError as error:
            batch = self.capture.unread(seen, error).batch
        assert batch is not None
        return batch

    def _chat(self, at: int, i: int, *, tokens: int = 150, malformed: int = 0) -> Exchange:
        request: Any = {"messages": [{"role": "user", "content": "Hello " * (1 + i)}]}
        request = b"{broken" if i < malformed else request
        message = {"role": "assistant", "content": "Hi."}
        answer = {
            "choices": [{"message": message, "finish_reason": "stop" if i % 5 else "length"}],
            "usage": {
                "prompt_tokens": 20 + i,
                "completion_tokens": int(self.rng.poisson(tokens)),
            },
        }
        times = {"latency_ms": 900.0, "ttft_ms": 100.0 + 20 * i}
        sizes = {"request_bytes": 80 + 6 * i, "response_bytes": 150}
        return exchange(CHAT_PATH, request, answer, started_us=at, **times, **sizes)


def fresh() -> Sidecar:
    return Sidecar(ComponentState(component(), None, make_detectors))


def of_window(sidecar: Sidecar, number: int) -> dict[tuple[str, str], Finding]:
    first = START // WINDOW
    return {
        (f.verdict.check, f.verdict.subject): f
        for f in sidecar.findings
        if f.window.number == first + number
    }


def test_conversations_give_every_operational_finding() -> None:
    """Tokens, first token, bytes, refusals, finish reasons and traffic, all of one window."""
    sidecar = fresh()
    for number in range(2):
        sidecar.window(number)
    found = {key: f.verdict for key, f in of_window(sidecar, 0).items()}
    assert found["finish_reason", "length"].value == 0.2
    assert found["traffic", ""].value == CHATS
    assert found["undecodable_rate", ""].value == found["refusal_rate", ""].value == 0
    for check, about in (
        ("input_tokens_p50", 24),
        ("output_tokens_p95", 170),
        ("output_tokens_mean", 150),
        ("ttft_p95", 280),
        ("request_bytes_p95", 134),
        ("response_bytes_p95", 150),
    ):
        assert abs((found[check, ""].value or 0) / about - 1) < 0.1
    assert found["rate_change", ""].reason.startswith("history_building: 1 of 121 windows")
    assert {v.status for v in found.values()} <= {Status.OK, Status.INSUFFICIENT}


def test_trouble_is_found_and_named() -> None:
    """Malformed bodies, long answers and a rush each raise their own check, and no other."""
    sidecar = fresh()
    for number in range(CALM):
        sidecar.window(number)
    assert not [f for f in sidecar.findings if f.verdict.status in RAISED]
    sidecar.window(CALM, malformed=6)
    sidecar.window(CALM + 1, tokens=9_000)
    sidecar.window(CALM + 2, chats=8 * CHATS)
    sidecar.window(CALM + 3)
    raised = [
        {key for key, f in of_window(sidecar, CALM + i).items() if f.verdict.status in RAISED}
        for i in range(3)
    ]
    assert ("undecodable_rate", "") in raised[0]
    assert {("output_tokens_p95", ""), ("rate_change", "output_tokens_mean")} <= raised[1]
    assert ("rate_change", "traffic") in raised[2]
    rush = of_window(sidecar, CALM + 2)["rate_change", "traffic"].verdict
    assert rush.status is Status.WARNING
    assert rush.reason.startswith("traffic: 80 events, ")
    assert "above the usual 10 (median of " in rush.reason


def test_a_worker_that_died_goes_on_alike() -> None:
    """Written down and read back every few windows, every finding is the same to the byte."""
    plain, stored = fresh(), fresh()
    kept: dict[str, dict[Any, bytes]] = {"panes": {}, "segments": {}}
    spec = stored.state.spec
    for number in range(CALM):
        plain.window(number)
        stored.window(number)
        if number % 13 == 0:
            rows = stored.state.changed_rows()
            for kind, known in kept.items():
                blobs = known | getattr(rows, kind)
                kept[kind] = {key: blob for key, blob in blobs.items() if blob}
            everything = StateRows(rows.register, kept["panes"], kept["segments"])
            stored.state = ComponentState.restore(everything, {spec.generation: spec})
    assert [f.to_line() for f in plain.findings] == [f.to_line() for f in stored.findings]
    assert any(f.verdict.check == "rate_change" and f.verdict.value for f in plain.findings)


RAISED = (Status.WARNING, Status.BREACH)
