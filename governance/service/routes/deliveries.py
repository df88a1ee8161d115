"""/api/v1/deliveries: what was sent to webhooks and registries, what waits, what died."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from governance.audit import Cause
from governance.clock import SystemClock
from governance.service.approvals import (
    MAX_WORDS,
    Desk,
    Undecidable,
    UnknownDelivery,
    delivery_object,
)
from governance.service.auth import Principal, Role, require
from governance.service.problems import ProblemError
from governance.service.reply import reply
from governance.service.routes.shapes import Cursor, Limit, Shape, Text
from governance.service.stores import Store
from governance.store.delivery import Delivery, DeliveryFilter, DeliveryState

router = APIRouter(prefix="/api/v1", tags=["deliveries"])
Reader = Annotated[Principal, Depends(require(Role.READ))]
Approver = Annotated[Principal, Depends(require(Role.APPROVE))]
DeliveryId = Annotated[
    str,
    Path(pattern=r"^msg_[0-9A-Za-z_-]{1,80}$", examples=["msg_0b5f5d2a6c1d4f0e9a3b7c8d9e0f1a2b"]),
]
_CLOCK = SystemClock()


class DeliveryShape(Shape):
    """One notice or action on its way to one receiver."""

    id: str
    kind: str = Field(examples=["webhook", "mlflow"])
    receiver: str
    namespace: str
    component: str
    action: str = Field(examples=["retrain"])
    state: DeliveryState
    attempts: int
    created: str
    expires: str | None
    approve_by: str | None = Field(description="until when somebody may approve it")
    decided_by: str | None
    decision_reason: str | None
    last_error: str = Field(examples=["status: answered 503"])


class DeliveriesShape(Shape):
    """A page, newest first."""

    deliveries: list[DeliveryShape]
    cursor: str | None


class Order(BaseModel):
    """Who orders something, and on what ground: both go into the audit chain."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_WORDS)
    ] = Field(examples=["Ann Lee"])
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_WORDS)
    ] = Field(examples=["seen in the notebook of Monday"])

    def cause(self, principal: Principal) -> Cause:
        """The person, and the token that said so."""
        return Cause(self.reason, actor=f"{self.name} (token {principal.name})")


@router.get("/deliveries", response_model=DeliveriesShape)
def list_deliveries(  # noqa: PLR0913 - one parameter a filter
    request: Request,
    reader: Reader,
    *,
    namespace: Text = None,
    component: Text = None,
    receiver: Text = None,
    state: Annotated[list[DeliveryState] | None, Query(max_length=8)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Deliveries, newest first; ``state`` may be given several times."""
    if component is not None and namespace is None:
        words = "component: name its namespace too, since several may have one"
        raise ProblemError(HTTPStatus.BAD_REQUEST, words)
    if namespace is not None and not reader.sees(namespace):
        return reply(request, {"deliveries": [], "cursor": None})
    which = DeliveryFilter(
        target=receiver,
        ordering_key=None if component is None else f"{namespace}/{component}",
        states=tuple(state or ()),
        namespaces=reader.visible if namespace is None else (namespace,),
    )
    store: Store = request.app.state.store
    try:
        page = store.deliveries.page(which, cursor, limit)
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"cursor: {error}") from None
    shown = [delivery_object(delivery) for delivery in page.deliveries]
    return reply(request, {"deliveries": shown, "cursor": page.cursor})


@router.get("/deliveries/{delivery_id}", response_model=DeliveryShape)
def show_delivery(request: Request, reader: Reader, delivery_id: DeliveryId) -> Response:
    """One delivery with its body."""
    found = seen(desk(request), reader, delivery_id)
    return reply(request, {**delivery_object(found), "body": json.loads(found.body)})


@router.post("/deliveries/{delivery_id}/replay", response_model=DeliveryShape, responses={409: {}})
def replay_delivery(
    request: Request, approver: Approver, delivery_id: DeliveryId, order: Order
) -> dict[str, Any]:
    """Send a delivered, dead or expired delivery again, under its old id and without expiry."""
    deciding = desk(request)
    must_decide(deciding, approver, delivery_id)
    try:
        return delivery_object(deciding.replay(delivery_id, order.cause(approver)))
    except Undecidable as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from None


def desk(request: Request) -> Desk:
    """Where this request decides, now."""
    store: Store = request.app.state.store
    return Desk(store.deliveries, _CLOCK.now_us())


def seen(deciding: Desk, principal: Principal, delivery_id: str) -> Delivery:
    """A delivery that the caller may see; 404 for those of other namespaces too."""
    try:
        found = deciding.get(delivery_id)
    except UnknownDelivery as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, str(error)) from None
    if not principal.sees(found.namespace):
        raise ProblemError(HTTPStatus.NOT_FOUND, str(UnknownDelivery(delivery_id)))
    return found


def must_decide(deciding: Desk, principal: Principal, delivery_id: str) -> None:
    """404 or 403 unless the caller may decide on this delivery."""
    principal.must(Role.APPROVE, seen(deciding, principal, delivery_id).namespace)
