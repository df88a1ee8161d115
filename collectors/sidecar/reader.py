"""The reader: the pump's child, which makes events of what went by and publishes them.

It runs at nice 10 under a limit on its data, since a memory kill of the container would take the
pump along: it can only hurt itself, and is started again. When the pump's end of the socket closes
it sends what it has, says bye and ends; it leaves SIGTERM and SIGINT to the pump.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.capture import Capture, body_limit
from collectors.cpu_budget import CpuBudget
from collectors.projections import projections_of
from collectors.protocols.kserve_v2_grpc import PATH as GRPC_PATH
from collectors.publish import Publisher
from collectors.sidecar.assembly import ASSEMBLY_BYTES, Assembly, Missing
from collectors.sidecar.counters import Counters, Reader
from collectors.sidecar.file_ledger import FileLedger
from collectors.sidecar.frames import FLUSH_SECONDS, End, Kind, Unpacker, pack
from collectors.sidecar.intake import Intake
from collectors.sidecar.spool import Spool
from collectors.stack import capture_all
from collectors.sums import EmbeddingSums
from governance.bus.connect import open_bus
from governance.component.load import load_components
from governance.component.notices import unsummed
from governance.config import load_settings
from governance.errors import BusError, ConfigError, EvenhandError, Full
from governance.privacy import open_pseudonymiser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from collectors.base import Exchange
    from collectors.capture import Captured
    from collectors.sidecar.connections import Connections
    from collectors.stack import Taken
    from collectors.sums import Ended
    from governance.component.load import LoadedComponent
    from governance.component.schema import Component
    from governance.config import Settings
    from governance.event import EventBatch

NICE = 10
DATA_BYTES = 384 * 1024 * 1024  # private memory: 4 MiB spool, 32 MiB bodies, and what they become
_BODIES_WAITING = 4  # of the greatest size, or as many more as are small: the pair stays small
_COLLECT_AFTER = 50_000  # objects; a stack of parsed bodies has some ten thousand
_PREDECESSOR_SECONDS = 20.0  # a reader whose pump was killed may still be sending
_SECOND_US = 1_000_000

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Read until the pump closes its end; the exit code."""
    options = _arguments(argv)
    with socket.socket(fileno=options.fd) as pump:
        _humble()
        try:
            reading = _open(options)
        except EvenhandError as error:
            code = 2 if isinstance(error, ConfigError) else 3
            pump.sendall(pack(Kind.FAILED, code, str(error)))
            return code
        gc.freeze()  # what lives now lives to the end ...
        gc.set_threshold(_COLLECT_AFTER)  # ... and bodies hold no cycles: seldom is enough
        said = str(reading.component), reading.body_limit, reading.reads_http2
        pump.sendall(pack(Kind.READY, *said))
        return reading.run(pump)


class Reading:
    """From frames to published events, each request counted once."""

    def __init__(  # noqa: PLR0913 - what a reader has at hand
        self,
        component: Component,
        capture: Capture,
        publisher: Publisher,
        *,
        ledger: FileLedger,
        counters: Counters,
        sums: EmbeddingSums | None = None,
    ) -> None:
        self.component = component.key
        self._sums = sums
        self.body_limit = body_limit(component)
        self._capture = capture
        self._publisher = publisher
        self._ledger = ledger
        self._counters = counters
        self._assembly = Assembly()
        self._over: list[Exchange] = []
        self._connections = _connections(capture, self.body_limit)
        self._announced = False
        self._closing = False  # by intent; else the pump has died, and its source lives on
        # The watermark must not run ahead of the times that are sent: they may be cut to the
        # second, or be the requests' own, of which nothing is known.
        coarse = component.spec.governance.data_privacy.anonymization_required
        self._grain_us = _SECOND_US if coarse else 1
        self._own_time = component.spec.signals.time is None

    @property
    def reads_http2(self) -> bool:
        """Whether copies of HTTP/2 connections are of use."""
        return self._connections is not None

    def run(self, pump: socket.socket) -> int:
        """Read frames until the pump closes its end, then send what is left; the exit code."""
        unpacker = Unpacker()
        room = min(ASSEMBLY_BYTES, _BODIES_WAITING * self.body_limit)
        for piece in Intake(pump, room, lambda: self._assembly.held).pieces():
            for chunk in piece:
                for kind, *items in unpacker.feed(chunk):
                    self._hear(kind, items)
            self._publish()
            self._heed_budget()
        if self._sums is not None:
            self._send_sums(self._sums.rest())
        clean = self._publisher.close(FLUSH_SECONDS, bye=self._closing)
        self._counters.set(Reader.CLOSED, int(clean and self._closing))
        return 0 if clean else 1

    def _heed_budget(self) -> None:
        """Look into as many contents as there is time for, and say so."""
        budget = self._capture.budget
        spent_seconds = budget.heed()
        if spent_seconds is not None:
            self._counters.set(Reader.CONTENTS_WEIGHT, int(budget.weight))
            self._counters.add((Reader.CPU_MS, round(1_000 * spent_seconds)))

    def _hear(self, kind: int, items: list[Any]) -> None:
        if kind == Kind.END:
            for fields in items[0]:
                self._end(End(*fields))
        elif kind == Kind.PART:
            self._assembly.part(*items)
        elif kind == Kind.DROP:
            self._assembly.drop(*items)
        elif kind == Kind.BYTES and self._connections is not None:
            self._streams(self._connections.see(*items))
        elif kind == Kind.OVER and self._connections is not None:
            self._streams(self._connections.end(*items))
        elif kind == Kind.CLOSE:
            self._closing = True
            self._announce()  # also where no mark has come yet: a source that goes says bye
        elif kind == Kind.MARK:
            self._mark(items[0])

    def _streams(self, over: Iterator[Exchange]) -> None:
        """Requests of an HTTP/2 connection are over."""
        for exchange in over:
            self._counters.add((Reader.STREAMS, 1))
            self._over.append(exchange)
        if self._connections is not None and self._connections.given_up:
            self._counters.add((Reader.HTTP2_GIVEN_UP, self._connections.given_up))
            self._connections.given_up = 0

    def _mark(self, instant_us: int) -> None:
        """Every request yet to come began at or after this instant."""
        self._publish()  # first: the mark speaks for what came before it
        if self._own_time and self._connections is not None:
            instant_us = self._connections.oldest_us(instant_us)
        if self._sums is not None:  # before the mark moves on: sums belong to the window it ends
            self._send_sums(self._sums.ended(instant_us))
        if self._own_time:
            self._publisher.advance(instant_us // self._grain_us * self._grain_us)
        self._counters.set(Reader.SPOOL_BYTES, self._publisher.waiting_bytes)
        self._announce()

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            self._publisher.announce(self.component)

    def _end(self, end: End) -> None:
        try:
            exchange = self._assembly.end(end)
        except Full:
            self._counters.add((Reader.OVERSIZED, 1))
        except Missing:
            self._counters.add((Reader.LOST_REQUESTS, 1))
        else:
            self._over.append(exchange)

    def _publish(self) -> None:
        """Make events of the requests that are over, and count each of them once."""
        over, self._over = self._over, []
        for taken in capture_all(self._capture, over) if over else ():
            self._count(taken)
        self._assembly.let_go()
        if over:
            self._count_media()

    def _count_media(self) -> None:
        """Pictures and recordings that are in no feature: their events are, their reasons here."""
        counts = self._capture.counts
        for reason in [key for key in counts if key.startswith(("undecodable:", "not_decoded:"))]:
            self._counters.add_reason(reason, counts.pop(reason))

    def _count(self, taken: Taken) -> None:
        if taken.refused is not None:
            self._note(taken.refused.reason)
        if taken.error is not None:
            _log.warning("a request could not be read: %s", type(taken.error).__name__)
            self._note("error")
            self._counters.add((Reader.INVALID, 1))
        elif taken.captured is None:
            self._counters.add((Reader.IGNORED, taken.exchanges))
        else:
            self._take(taken.captured, taken.exchanges)

    def _take(self, captured: Captured, exchanges: int) -> None:
        if captured.sampled_out:
            self._counters.add(
                (Reader.SAMPLED_OUT, captured.sampled_out),
                (Reader.SAMPLED_REQUESTS, captured.exchanges_out),
            )
        if captured.batch is None:
            return
        self._ledger.requests = exchanges - captured.exchanges_out
        try:
            self._publisher.publish(self.component, captured.batch)
        except Full:
            self._counters.add(
                (Reader.CAPTURED_EVENTS, captured.batch.n),
                (Reader.CAPTURED_REQUESTS, self._ledger.requests),
                (Reader.SPOOL_FULL, captured.batch.n),
            )

        else:
            self._add_up(captured.batch, captured)

    def _add_up(self, batch: EventBatch, captured: Captured) -> None:
        """Events that were taken, into the sums of their windows."""
        if self._sums is None or not captured.vectors:
            return
        times = batch.columns["time"].values
        with self._capture.budget.spending():
            self._sums.add(batch.version, times, captured.vectors, weight=captured.weight)
        self._send_sums(self._sums.full())

    def _send_sums(self, ended: Iterable[Ended]) -> None:
        for before_us, batches in ended:
            allowed = [self._capture.allowed(batch) for batch in batches]
            left_out = self._publisher.send_sums(self.component, allowed, before_us)
            self._counters.add_reason("sum_spool_full", left_out)
        if self._sums is not None:
            for reason, events in self._sums.counts.items():
                self._counters.add_reason(reason, events)
            self._sums.counts.clear()

    def _note(self, reason: str) -> None:
        if self._counters.add_reason(reason) == 1:
            _log.warning(
                "a request has no one reading (%s); more of these are only counted", reason
            )


def _connections(capture: Capture, max_body_bytes: int) -> Connections | None:
    """What reads HTTP/2; None where no protocol of the component needs it, or the extra is absent.

    Only then is it imported: with protocol buffers it takes 15 MB.
    """
    wanted = partial(capture.matches, "POST")
    if not wanted(GRPC_PATH):
        return None
    try:
        from collectors.sidecar.connections import Connections  # noqa: PLC0415 - see above
    except ImportError:
        _log.warning("gRPC passes unread: install evenhand[grpc] to capture it")
        return None
    return Connections(wanted, max_body_bytes)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evenhand collect")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--components", type=Path, action="append")
    parser.add_argument("--component")
    parser.add_argument("--bus")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--key-directory", type=Path)
    return parser.parse_args(argv)


def _humble() -> None:
    """Lower this process's claims, and make any thread's death its own."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(format="evenhand: %(message)s", level=logging.WARNING, stream=sys.stderr)
    threading.excepthook = _die


def _die(death: threading.ExceptHookArgs) -> None:
    _log.error("thread %s died: %r", death.thread and death.thread.name, death.exc_value)
    os._exit(70)  # the supervisor starts another reader; this one could only count wrong


def _open(options: argparse.Namespace) -> Reading:
    flags = {
        "bus.url": options.bus,
        "components": options.components,
        "privacy.keyDirectory": options.key_directory,
    }
    settings = load_settings(options.config, os.environ, flags)
    loaded = _component(settings, options.component)
    component = loaded.component
    sums = _sums(loaded)
    capture = Capture(
        component,
        open_pseudonymiser(component, settings.privacy.key_directory),
        version=os.environ.get("EVENHAND_MODEL_VERSION"),
        embed=() if sums is None else sums.modalities,
        budget=CpuBudget.of(component.spec.capture),
    )
    _succeed(options.state_dir)
    counters = Counters.open(options.state_dir / "counters")
    spool = Spool(options.state_dir / "spool")
    counters.take_stock(spool.events)
    ledger = FileLedger(counters)
    publisher = Publisher(
        open_bus(settings.bus.url, client=settings.bus.sidecar_client),
        counters.source,
        ledger=ledger,
        spool=spool,
        partitions=settings.bus.partitions,
    )
    try:
        publisher.connect()
    except BusError as error:
        _log.warning("the bus is away, events are spooled: %s", error)
    return Reading(component, capture, publisher, ledger=ledger, counters=counters, sums=sums)


def _sums(loaded: LoadedComponent) -> EmbeddingSums | None:
    """Where embeddings are added up; None where the component has none that can be."""
    projections = projections_of(loaded.component, loaded.file)
    if not projections:
        return None
    hindrance = unsummed(loaded.component)
    if hindrance is not None:
        _log.warning("%s", hindrance)
        return None
    return EmbeddingSums(projections, loaded.component.spec.monitoring.windows)


def _component(settings: Settings, wanted: str | None) -> LoadedComponent:
    """The one component that this sidecar reads for."""
    if not settings.components:
        raise ConfigError("no component: name its file by --components or EVENHAND_COMPONENTS")
    components = load_components(settings.components)
    found = [c for c in components if wanted is None or str(c.component.key) == wanted]
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(c.component.key) for c in components)
    asked = "none is named" if wanted is None else f"{wanted!r} is not one of them"
    raise ConfigError(f"a sidecar reads for one component of {names}, and {asked}: --component")


def _succeed(state: Path) -> None:
    """Wait until no other reader uses the state folder; ours until this process ends."""
    lock = os.open(state / "reader.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _PREDECESSOR_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ConfigError(
                    f"state folder {state} is still in use by another reader: name another by"
                    " --state-dir"
                ) from None
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
