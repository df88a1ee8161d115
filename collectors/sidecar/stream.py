"""One side of a connection: a socket on the loop that writes at once what the kernel takes.

asyncio's transports would do, but for their price: they keep what is written until the loop's round
ends, behind the observer and all other connections, and cost more time than the system calls leave.
A stream makes two calls for what goes by, one here and one there, and keeps only what a slow peer
does not take. Its words are those of asyncio's transports and protocols, and mean the same.
"""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod

READ_BYTES = 32 * 1024  # at once; so much may wait for a slow peer


class Stream(ABC):
    """A socket, which becomes the stream's own; nothing is read before ``resume_reading``."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.closing = False
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._recv = sock.recv
        self._send = sock.send
        self._waiting = bytearray()  # for the kernel to take it
        self._reading = False
        self._heard_all = False
        self._saying_last = False

    @abstractmethod
    def received(self, chunk: bytes) -> None:
        """Bytes came, at most ``READ_BYTES``."""

    @abstractmethod
    def eof_received(self) -> bool:
        """The peer says no more; whether we may still say something."""

    @abstractmethod
    def pause_writing(self) -> None:
        """Something waits for the peer: give us no more."""

    @abstractmethod
    def resume_writing(self) -> None:
        """The peer has taken it."""

    @abstractmethod
    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed; ``error`` is None where we closed it."""

    def write(self, chunk: bytes) -> None:
        """Send, now if nothing waits."""
        if not self._waiting:
            try:
                sent = self._send(chunk)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self._lose(error)
                return
            if sent == len(chunk):
                return
            chunk = chunk[sent:]
        if self.closing:
            return
        if not self._waiting:
            self._loop.add_writer(self._socket.fileno(), self._writable)
            self.pause_writing()
        self._waiting += chunk

    def write_eof(self) -> None:
        """Say no more once what waits has left."""
        self._saying_last = True
        if not (self._waiting or self.closing):
            self._shut_down()

    def close(self) -> None:
        """Close once what waits has left, and read no more."""
        if not self.closing:
            self.closing = True
            self.pause_reading()
            if not self._waiting:
                self._close(None)

    def abort(self) -> None:
        """Close now."""
        self._lose(None)

    def pause_reading(self) -> None:
        """Leave what comes to the kernel."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket.fileno())

    def resume_reading(self) -> None:
        """Read what comes."""
        if not (self._reading or self._heard_all or self.closing):
            self._reading = True
            self._loop.add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            chunk = self._recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if chunk:
            self.received(chunk)
        else:
            self.pause_reading()
            self._heard_all = True
            if not self.eof_received():
                self.close()

    def _writable(self) -> None:
        try:
            sent = self._send(self._waiting)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        del self._waiting[:sent]
        if not self._waiting:
            self._loop.remove_writer(self._socket.fileno())
            if self.closing:
                self._close(None)
            elif self._saying_last:
                self._shut_down()
            else:
                self.resume_writing()

    def _shut_down(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:  # it is gone already
            self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if self._socket.fileno() >= 0:
            self.closing = True
            self.pause_reading()
            if self._waiting:
                self._loop.remove_writer(self._socket.fileno())
                self._waiting.clear()
            self._close(error)

    def _close(self, error: Exception | None) -> None:
        self._socket.close()
        self._loop.call_soon(self.connection_lost, error)
