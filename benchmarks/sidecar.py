"""The sidecar beside nginx's proxy_pass: CPU per request and added latency, 0.9 kB in, 1 kB out.

Client and model server share one core; nginx, or pump and reader, have the other. nginx only
forwards; the sidecar copies both bodies, makes events of them and publishes them to an embedded
bus. Rounds alternate between the subjects, medians are printed. What was captured is printed beside
every figure, since requests that are dropped cost less. Then the memory of pump and reader over
200,000 requests, and with 1,000 clients that ask for 1 MB and do not read it. The load average
ends it: what else runs takes the caches away, most where pump and reader share them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.load import REQUEST
from collectors.sidecar.counters import Counters, Pump, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 3
SECONDS = 3.0
PACED = 9_000  # requests a second
MANY, LAPS = 200_000, 10  # requests over which memory is looked at, in so many equal parts
SLOW_CLIENTS = 1_000
CACHE = Path(__file__).parents[1] / ".cache" / "nginx"
COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: loans, namespace: bank}
spec:
  model: {name: loans, version: "1", modality: [tabular]}
  governance: {dataPrivacy: {level: open}}
"""
NGINX = """\
daemon off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t;
  scgi_temp_path t;
  upstream model {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Subject:
    """What stands between client and server; without processes, nothing does."""

    name: str
    port: int
    pids: tuple[int, ...] = ()
    counters: Counters | None = None


@dataclass(frozen=True)
class Round:
    """One load on one subject."""

    requests: int
    rate: float
    p50_us: float
    p99_us: float
    cpu_us: tuple[float, ...]  # a request, per process
    captured: float | None


def main() -> None:
    near, far = sorted(os.sched_getaffinity(0))[:2] if len(os.sched_getaffinity(0)) > 1 else (0, 0)
    if near == far:
        print("one core only: client and subject share it, figures are rough")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        upstream = _free_port()
        _start(stack, far, sys.executable, "-m", "benchmarks.load", "--serve", f"--port={upstream}")
        _until_open(upstream)
        subjects = [Subject("direct", upstream), _sidecar(stack, near, upstream, Path(folder))]
        nginx = _nginx_program()
        if nginx is None:
            print("nginx is neither here nor to be had by apt-get download: no ratios")
        else:
            subjects.append(_nginx(stack, near, nginx, upstream, Path(folder)))
        full = _rounds(subjects[1:], far, "--connections=16")
        _print("full speed, 16 connections (goal: pump x 1.3, with the reader x 3)", full)
        paced = (f"--rate={PACED}", "--connections=32")
        title = f"paced, {PACED:,} requests/s (goal: pump x 1.5 with at least 95 % captured)"
        _print(title, _rounds(subjects[1:], far, *paced))
        goal = "goal: p50 +40 µs, p99 +1,000 µs"
        one = _rounds(subjects, far, "--connections=1")
        _print_latency(f"one connection, added to the direct one ({goal})", one)
        if nginx is not None:
            half = statistics.median(r.rate for r in full["nginx"]) / 2
            loaded = _rounds(subjects, far, f"--rate={half:.0f}", "--connections=32")
            _print_latency(f"{half:,.0f} requests/s, half of what nginx reaches ({goal})", loaded)
        _print_memory(subjects[1], far)
        _print_slow_clients(subjects[1])
    print(f"load average {os.getloadavg()[0]:.1f}: below 3 it is this benchmark's own")


def _rounds(subjects: list[Subject], core: int, *load: str) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {subject.name: [] for subject in subjects}
    for _ in range(ROUNDS):
        for subject in subjects:
            found[subject.name].append(_round(subject, core, load))
    return found


def _round(subject: Subject, core: int, load: tuple[str, ...]) -> Round:
    cpu, seen, captured = _cpu(subject.pids), *_captured(subject.counters)
    said = _load(subject.port, core, f"--seconds={SECONDS}", *load)
    time.sleep(0.3)  # the reader's share of the work comes after the answers
    n = int(said["requests"])
    used = tuple((b - a) * 1e6 / n for a, b in zip(cpu, _cpu(subject.pids), strict=True))
    seen_now, captured_now = _captured(subject.counters)
    share = (captured_now - captured) / (seen_now - seen) if seen_now > seen else None
    return Round(n, n / said["seconds"], said["p50_us"], said["p99_us"], used, share)


def _load(port: int, core: int, *flags: str) -> dict[str, float]:
    command = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.load"]
    command += [f"--port={port}", *flags]
    said: dict[str, float] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    return said


def _print(title: str, rounds: dict[str, list[Round]]) -> None:
    print(title)
    peer = _median(rounds["nginx"], 0) if "nginx" in rounds else None
    for name, found in rounds.items():
        rate = statistics.median(r.rate for r in found)
        line = f"  {name:<8} {rate:>8,.0f}/s  CPU {_median(found, 0):6.1f} µs/request"
        if name == "sidecar":
            both = _median(found, 0) + _median(found, 1)
            line += f" in the pump, {both:6.1f} with the reader"
            line += f", captured {statistics.median(r.captured or 0.0 for r in found):.1%}"
            if peer is not None:
                line += (
                    f"; nginx x {_median(found, 0) / peer:.2f}, with the reader {both / peer:.2f}"
                )
        print(line)


def _print_memory(subject: Subject, core: int) -> None:
    print(f"memory over {MANY:,} requests (goal: pump 30 MB, pair 90 MB, flat)")
    for lap in range(LAPS + 1):
        done = MANY * lap // LAPS
        pump, reader = map(_resident_mb, subject.pids)
        print(f"  {done:>8,} requests  pump {pump:5.1f} MB  pair {pump + reader:6.1f} MB")
        if lap < LAPS:
            seconds = MANY / LAPS / PACED
            load = (f"--rate={PACED}", "--connections=32", f"--seconds={seconds}")
            _load(subject.port, core, *load)


def _print_slow_clients(subject: Subject) -> None:
    """Each asks for 1 MB, a thousand answers, and reads none of it."""
    print(f"{SLOW_CLIENTS:,} clients that do not read (goal: pair 128 MB)")
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            client = socket.create_connection(("127.0.0.1", subject.port))
            stack.enter_context(client)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.setblocking(False)  # noqa: FBT003 - the standard library's signature
            with contextlib.suppress(BlockingIOError):
                client.send(REQUEST * 1_000)
        time.sleep(3.0)
        pump, reader = map(_resident_mb, subject.pids)
    print(f"  pump {pump:5.1f} MB  pair {pump + reader:6.1f} MB")


def _resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def _print_latency(title: str, rounds: dict[str, list[Round]]) -> None:
    print(title)
    direct = [statistics.median(r.p50_us for r in rounds["direct"])]
    direct += [statistics.median(r.p99_us for r in rounds["direct"])]
    print(f"  direct   p50 {direct[0]:6.0f} µs  p99 {direct[1]:6.0f} µs")
    for name in [name for name in rounds if name != "direct"]:
        p50 = statistics.median(r.p50_us for r in rounds[name]) - direct[0]
        p99 = statistics.median(r.p99_us for r in rounds[name]) - direct[1]
        print(f"  {name:<8} p50 {p50:+6.0f} µs  p99 {p99:+6.0f} µs")


def _median(rounds: list[Round], process: int) -> float:
    return statistics.median(r.cpu_us[process] for r in rounds)


def _cpu(pids: tuple[int, ...]) -> list[float]:
    """User and system seconds of each process."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split() for pid in pids]
    return [(int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK") for f in fields]


def _captured(counters: Counters | None) -> tuple[int, int]:
    """Requests seen, and those of them that became events."""
    if counters is None:
        return 0, 0
    return counters.pump[Pump.OBSERVED], counters.reader(Reader.CAPTURED_REQUESTS)


def _sidecar(stack: contextlib.ExitStack, core: int, upstream: int, folder: Path) -> Subject:
    (folder / "component.yaml").write_text(COMPONENT)
    port, state = _free_port(), folder / "state"
    flags = ["--upstream", f"127.0.0.1:{upstream}", "--port", str(port), "--admin-port", "0"]
    flags += ["--components", str(folder / "component.yaml"), "--bus", f"file:{folder / 'bus'}"]
    flags += ["--state-dir", str(state), "--drain-seconds", "0"]
    program = (sys.executable, "-m", "governance.service.cli.main", "collect", *flags)
    pump = _start(stack, core, *program)
    _until_open(port)
    (reader,) = Path(f"/proc/{pump}/task/{pump}/children").read_text().split()
    return Subject("sidecar", port, (pump, int(reader)), Counters.open(state / "counters"))


def _nginx(
    stack: contextlib.ExitStack, core: int, program: Path, upstream: int, folder: Path
) -> Subject:
    port = _free_port()
    (folder / "nginx.conf").write_text(NGINX.format(upstream=upstream, port=port))
    arguments = ("-p", str(folder), "-c", "nginx.conf", "-e", "stderr")
    master = _start(stack, core, str(program), *arguments)
    _until_open(port)
    (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return Subject("nginx", port, (int(worker),))


def _nginx_program() -> Path | None:
    """The machine's nginx, else Debian's, unpacked into the cache without installing it."""
    here = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    unpacked = CACHE / "root" / "usr" / "sbin" / "nginx"
    if here is not None:
        return Path(here)
    if not unpacked.exists() and shutil.which("apt-get") and shutil.which("dpkg"):
        CACHE.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(subprocess.CalledProcessError, StopIteration):
            fetch = ["apt-get", "download", "nginx"]
            subprocess.run(fetch, cwd=CACHE, check=True, capture_output=True)
            package = next(CACHE.glob("nginx_*.deb"))
            subprocess.run(["dpkg", "-x", package, CACHE / "root"], check=True)
    return unpacked if unpacked.exists() else None


def _start(stack: contextlib.ExitStack, core: int, *command: str) -> int:
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    stack.callback(_stop, process)
    return process.pid


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _until_open(port: int) -> None:
    for _ in _attempts(30.0):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
    raise TimeoutError(f"nobody listens on port {port}")


def _attempts(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


if __name__ == "__main__":
    main()
