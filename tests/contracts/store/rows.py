"""Findings, alerts and deliveries as the stages make them."""

from __future__ import annotations

from governance.alert import Alert, AlertKey, AlertState, Judgement, Observation
from governance.component.key import ComponentKey
from governance.finding import Finding, GroupRate, Status, Verdict, Window
from governance.store.deliveries import Delivery

HOUR_US = 3_600_000_000
CREDIT = ComponentKey("bank", "credit")
FRAUD = ComponentKey("bank", "fraud")


def finding(
    window: int = 0,
    subject: str = "age",
    *,
    component: ComponentKey = CREDIT,
    version: str = "1",
    revision: int = 0,
    status: Status = Status.OK,
    value: float | None = 0.1 + 0.2,
) -> Finding:
    verdict = Verdict(
        check="drift",
        subject=subject,
        status=status,
        modality="tabular",
        test="jensenshannon",
        value=value,
        evidence=-0.25,
        events=1_000,
        groups=(GroupRate("größer", 12.0, 0.5, None, 1e-17),),
    )
    span = Window("every", window, window * HOUR_US, (window + 1) * HOUR_US)
    return Finding(component, version, 1, span, verdict, revision, "a" * 64, {"gap": 1})


def alert(
    component: ComponentKey = CREDIT,
    check: str = "drift",
    *,
    state: AlertState = AlertState.FIRING,
    changed_at_us: int | None = 5,
) -> Alert:
    seen = Observation(3, 0, HOUR_US, (Judgement("age", Status.BREACH, 1, "f" * 32, "age is 0.3"),))
    key = AlertKey(component, "1", "tabular", check)
    return Alert(
        key, state, incident=2, changed_at_us=changed_at_us, history=(seen,), acted=("retrain",)
    )


def delivery(
    number: int,
    *,
    key: str = "bank/credit",
    target: str = "pipeline",
    expires_us: int | None = None,
) -> Delivery:
    return Delivery(
        id=f"msg_{number}",
        kind="webhook",
        target=target,
        ordering_key=key,
        body=f'{{"number":{number}}}',
        created_us=number,
        next_attempt_us=number,
        expires_us=expires_us,
    )
