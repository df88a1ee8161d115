"""A forwarding proxy on Starlette and httpx, served by uvicorn: PORT UPSTREAM_PORT."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

PORT, UPSTREAM = int(sys.argv[1]), f"http://127.0.0.1:{sys.argv[2]}"
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]


async def forward(request: Request) -> Response:
    headers = {name: of for name, of in request.headers.items() if name not in HOP_BY_HOP}
    client: httpx.AsyncClient = request.app.state.client
    answer = await client.request(
        request.method,
        f"{UPSTREAM}{request.url.path}?{request.url.query}".rstrip("?"),
        headers=headers,
        content=await request.body(),
    )
    kept = {name: of for name, of in answer.headers.items() if name not in HOP_BY_HOP}
    return Response(answer.content, status_code=answer.status_code, headers=kept)


@contextlib.asynccontextmanager
async def client(app: Starlette) -> AsyncIterator[None]:
    async with httpx.AsyncClient(timeout=60) as made:
        app.state.client = made
        yield


if __name__ == "__main__":
    routes = [Route("/{path:path}", forward, methods=METHODS)]
    app = Starlette(routes=routes, lifespan=client)
    uvicorn.run(app, host="127.0.0.1", port=PORT, loop="uvloop", http="httptools", access_log=False)
