"""/api/v1/approvals: actions that wait for a person, who approves or rejects by name and ground."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from governance.service.approvals import Undecidable, delivery_object
from governance.service.problems import ProblemError
from governance.service.reply import reply
from governance.service.routes.deliveries import (
    Approver,
    DeliveriesShape,
    DeliveryId,
    DeliveryShape,
    Order,
    Reader,
    desk,
    must_decide,
)
from governance.service.routes.shapes import Cursor, Limit
from governance.service.stores import Store
from governance.store.delivery import DeliveryFilter, DeliveryState

router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"])


@router.get("", response_model=DeliveriesShape)
def list_waiting(
    request: Request, reader: Reader, *, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """What waits for approval, newest first."""
    which = DeliveryFilter(states=(DeliveryState.HELD,), namespaces=reader.visible)
    store: Store = request.app.state.store
    try:
        page = store.deliveries.page(which, cursor, limit)
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"cursor: {error}") from None
    shown = [delivery_object(delivery) for delivery in page.deliveries]
    return reply(request, {"deliveries": shown, "cursor": page.cursor})


@router.post("/{delivery_id}/approve", response_model=DeliveryShape, responses={409: {}})
def approve(
    request: Request, approver: Approver, delivery_id: DeliveryId, order: Order
) -> dict[str, Any]:
    """Let an action go ahead, while it may still be approved."""
    return _decided(request, approver, delivery_id, order, approving=True)


@router.post("/{delivery_id}/reject", response_model=DeliveryShape, responses={409: {}})
def reject(
    request: Request, approver: Approver, delivery_id: DeliveryId, order: Order
) -> dict[str, Any]:
    """Let an action never happen; the incident does not ask for it again."""
    return _decided(request, approver, delivery_id, order, approving=False)


def _decided(
    request: Request, approver: Approver, delivery_id: str, order: Order, *, approving: bool
) -> dict[str, Any]:
    deciding = desk(request)
    must_decide(deciding, approver, delivery_id)
    try:
        cause = order.cause(approver)
        return delivery_object(deciding.decide(delivery_id, cause, approve=approving))
    except Undecidable as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from None
