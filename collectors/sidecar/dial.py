"""The way to the model server."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

Address = tuple[socket.AddressFamily, Any]


class Dial:
    """Connects to ``host`` and ``port``, by each address of the host until one accepts."""

    def __init__(self, host: str, port: int, timeout_seconds: float) -> None:
        self._host = host
        self._port = port
        self._timeout_seconds = timeout_seconds
        self._numeric: list[Address] = []  # needs no looking up
        with suppress(socket.gaierror):
            flags = socket.AI_NUMERICHOST
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
            self._numeric = [(family, address) for family, _, _, _, address in found]

    async def connect(self) -> socket.socket:
        """A connection.

        Raises
        ------
        OSError
            What the last address said; TimeoutError if all of it took too long.
        """
        async with asyncio.timeout(self._timeout_seconds):
            failure = OSError(f"{self._host} has no address")
            for family, address in self._numeric or await self._look_up():
                try:
                    return await _connected(family, address)
                except OSError as error:
                    failure = error
            raise failure

    async def _look_up(self) -> list[Address]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]


async def _connected(family: socket.AddressFamily, address: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
