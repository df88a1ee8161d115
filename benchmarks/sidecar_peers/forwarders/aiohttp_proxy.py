"""A forwarding proxy on aiohttp: python aiohttp_proxy.py PORT UPSTREAM_PORT."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import aiohttp
import uvloop
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PORT, UPSTREAM = int(sys.argv[1]), f"http://127.0.0.1:{sys.argv[2]}"
SESSION = web.AppKey("session", aiohttp.ClientSession)
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


async def forward(request: web.Request) -> web.Response:
    headers = {name: of for name, of in request.headers.items() if name.lower() not in HOP_BY_HOP}
    url, body = f"{UPSTREAM}{request.rel_url}", await request.read()
    async with request.app[SESSION].request(
        request.method, url, headers=headers, data=body, allow_redirects=False
    ) as answer:
        kept = {name: of for name, of in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return web.Response(status=answer.status, headers=kept, body=await answer.read())


async def session(app: web.Application) -> AsyncIterator[None]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as made:
        app[SESSION] = made
        yield


def main() -> None:
    uvloop.install()
    app = web.Application()
    app.cleanup_ctx.append(session)
    app.router.add_route("*", "/{tail:.*}", forward)
    web.run_app(app, host="127.0.0.1", port=PORT, access_log=None, print=None)


if __name__ == "__main__":
    main()
