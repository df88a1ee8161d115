"""A relay whose answers come late: python -m benchmarks.sidecar_peers.late PORT TARGET_PORT MS.

What the client says passes at once; what the target says is held back for so many milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import uvloop

_CHUNK = 65_536


async def relay(port: int, target: int, late_seconds: float) -> None:
    """Serve until the end."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
            ways = (_pass(reader, far_writer, 0.0), _pass(far_reader, writer, late_seconds))
            await asyncio.gather(*ways)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    await server.serve_forever()


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late_seconds: float
) -> None:
    loop, under_way = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()
    writing = asyncio.create_task(_write(under_way, writer))
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            under_way.put_nowait((loop.time() + late_seconds, chunk))
    under_way.put_nowait((loop.time() + late_seconds, b""))
    await writing


async def _write(
    under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while True:
            due, chunk = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    uvloop.run(relay(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1_000))
