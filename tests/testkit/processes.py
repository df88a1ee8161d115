"""A server as a child process that never outlives us, and that a test may break."""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_PR_SET_PDEATHSIG = 1


class ServerProcess:
    """One server; start it from the main thread, since it dies with the thread that made it."""

    def __init__(
        self,
        argv: Sequence[str],
        log: Path,
        *,
        cwd: Path | None = None,
        user: tuple[int, int] | None = None,
        until_stdin_ends: bool = False,
    ) -> None:
        self.log = log
        self._until_stdin_ends = until_stdin_ends
        self._argv = list(argv)
        self._cwd = cwd
        self._user = user
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id; raises RuntimeError before the first start."""
        return self._running().pid

    def start(self, ready: Callable[[], bool], seconds: float = 60.0) -> None:
        """Start and wait until ``ready``; raises RuntimeError with the log's end if it does not."""
        uid, gid = self._user or (None, None)
        setpriv = shutil.which("setpriv")
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                [setpriv, "--pdeathsig", "KILL", *self._argv] if setpriv else self._argv,
                stdin=subprocess.PIPE if self._until_stdin_ends else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                start_new_session=True,  # Ctrl-C ends the tests first, and they end the servers
                preexec_fn=None if setpriv else _die_with_parent,  # noqa: PLW1509 - no threads yet
            )
        self._wait(ready, seconds)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        child = self._running()
        child.kill()
        child.wait()
        if child.stdin is not None:
            child.stdin.close()

    def pause(self) -> None:
        """Stop it with SIGSTOP: connections stay open, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._running().send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 10.0) -> None:
        """End it in order, by force after ``seconds``; does nothing if it is not running."""
        if self._child is None or self._child.poll() is not None:
            return
        self.resume()
        if self._child.stdin is not None:
            self._child.stdin.close()  # a program that lives until its standard input ends
        else:
            self._child.terminate()
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise RuntimeError(f"{self._argv[0]} was not started")
        return self._child

    def _wait(self, ready: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        child = self._running()
        while not ready():
            if child.poll() is not None or time.monotonic() > deadline:
                state = "does not answer" if child.poll() is None else f"ended {child.returncode}"
                self.stop()
                end = self.log.read_text(errors="replace")[-1500:]
                raise RuntimeError(f"{self._argv[0]} {state}; its log ends:\n{end}")
            time.sleep(0.02)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
