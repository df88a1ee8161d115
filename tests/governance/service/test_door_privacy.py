"""What loggers send holds canaries; none of them is in the bus, the spool, metrics or answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from governance.clock import SystemClock
from governance.config import Settings
from governance.metrics import Metrics
from governance.privacy import load_key
from governance.service.auth import Authority
from governance.service.door import door_app, opened
from governance.service.http import bind, served
from tests.collectors.cloud_events.logged import kserve
from tests.collectors.exchanges import component
from tests.collectors.test_privacy_canary import Canaries, spellings
from tests.governance.service.standing import EVENTS, Standing

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def chat(canary: Canaries) -> tuple[bytes, bytes, dict[str, str]]:
    """Bodies and attributes of one exchange, a canary in each place."""
    asked = {"model": canary("model"), "messages": [{"role": "user", "content": canary("prompt")}]}
    said = {
        "id": canary("response id"),
        "choices": [{"message": {"content": canary("completion")}, "finish_reason": "stop"}],
    }
    changes = {
        "ce_metadata": json.dumps({"X-Request-Id": [canary("header")], "Cookie": [canary("c")]}),
        "ce_source": canary("source"),
        "ce_annotations": canary("annotation"),
        "ce_endpoint": canary("endpoint"),
    }
    return json.dumps(asked).encode(), json.dumps(said).encode(), changes


def test_no_canary_leaves_the_door(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whole exchanges, requests alone, answers alone, unreadable ones; all files, all output."""
    canary = Canaries()
    keys = tmp_path / "keys"
    keys.mkdir()
    load_key(keys, "shop", create=True)
    watched = component(model={"name": "m", "version": "1", "modality": ["text"]}, governance={})
    state = tmp_path / "state"
    settings = Settings.model_validate(
        {"bus": {"url": f"file:{tmp_path / 'bus'}"}, "privacy": {"keyDirectory": str(keys)}}
    )
    metrics = Metrics()
    told = []
    with opened(settings, [watched], state, SystemClock(), metrics) as door:
        app = door_app(door, Authority(None), 1_000_000)
        with served(app, bind("127.0.0.1:0")) as url:
            standing = Standing(tmp_path, door, metrics, url)
            with standing.client:
                for name, sides in {
                    "whole": ("request", "response"),
                    "asked": ("request",),
                    "said": ("response",),
                }.items():
                    asked, said, changes = chat(canary)
                    for side in sides:
                        headers = kserve(side, canary(f"id of {name}"), **changes)
                        headers["ce-id"] = f"{name}-{canary('id')}" if len(sides) == 1 else name
                        told.append(
                            standing.post(EVENTS, asked if side == "request" else said, **headers)
                        )
                for side in ("request", "response"):
                    broken = canary("broken").encode()
                    told.append(standing.post(EVENTS, broken, **kserve(side, "broken")))
    assert [answer.status_code for answer in told] == [202] * len(told)
    assert sum(m.batch.n for m in standing.arrived(10**6) if m.batch is not None) == 3
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    output = "".join(capfd.readouterr()).encode()
    answers = b"".join(answer.content for answer in told)
    everything = b"\x00".join([*files, output, metrics.render(), answers])
    assert len(canary.placed) > 20
    for text, place in canary.placed.items():
        for written in spellings(text):
            assert written not in everything, place
