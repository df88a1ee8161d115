"""Takes POSTs, answers 202 at once, and says on ``GET`` how many there were: python -m ... PORT."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import httptools
import uvloop

_ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
_COUNT = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%d"


class Sink(asyncio.Protocol):
    """One connection."""

    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._parser.get_method() == b"GET":
            self._transport.write(_COUNT % (len(str(Sink.taken)), Sink.taken))
            return
        Sink.taken += 1
        self._transport.write(_ACCEPTED)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
