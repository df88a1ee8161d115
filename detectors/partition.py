"""The owner of one partition: claim, load, read on, checkpoint.

All that it remembers is a function of the log up to ``next_offset``; one transaction writes both.
So a crash repeats work and changes nothing, and a second group over the same log finds the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detectors.component_state import ComponentState, Position
from detectors.declared import recorded_specs
from detectors.era import NEVER_US
from detectors.state_rows import StateRows, references_of
from detectors.unwritten import Unwritten
from governance.bus.partitioner import partition_for
from governance.component.key import ComponentKey
from governance.errors import PermanentError
from governance.event import EventBatch, LabelBatch, MessageType
from governance.store.checkpoints import GenerationRow
from governance.wire.headers import COLUMNS_TYPE, decode_stamp
from governance.wire.message import decode_stamped
from governance.wire.together import decode_together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from detectors.dead_letters import DeadLetters
    from detectors.declared import Declared
    from detectors.meters import Meters
    from governance.bus.ports import Record
    from governance.clock import Clock
    from governance.finding import Finding
    from governance.store.checkpoints import Checkpoints, Claim, PartitionState
    from governance.store.references import References
    from governance.wire.headers import Stamp
    from governance.wire.message import Message

EVERY_SECONDS = 60.0  # between checkpoints, at most
MOST_EVENTS = 1_000_000
MOST_BYTES = 64 * 1024 * 1024  # not yet written; beyond it the partition is paused
RUN_BYTES = 1536 * 1024  # of messages counted together: what is made of them stays in the cache


@dataclass(frozen=True, slots=True)
class Taken:
    """A record whose headers have been read, and where it stands."""

    record: Record
    stamp: Stamp
    at: Position


@dataclass(slots=True)
class Run:
    """Messages of events of one component that wait to be counted together."""

    messages: list[Taken] = field(default_factory=list)
    nbytes: int = 0

    def add(self, taken: Taken) -> None:
        """Let one more wait."""
        self.messages.append(taken)
        self.nbytes += len(taken.record.value)


@dataclass(frozen=True, slots=True)
class Ports:
    """What an owner works with; ``partitions`` is how many the topic has, ``owner`` its name."""

    checkpoints: Checkpoints
    references: References
    dead_letters: DeadLetters
    meters: Meters
    clock: Clock
    partitions: int
    owner: str


class PartitionOwner:
    """One partition, from claim to revoke.

    Parameters
    ----------
    partition
        Its number.
    ports
        Store, bus and clock.
    declared
        Every component that this worker knows, whatever partition it lives in.
    """

    def __init__(
        self, partition: int, ports: Ports, declared: Mapping[ComponentKey, Declared]
    ) -> None:
        self.partition = partition
        self.next_offset = 0
        self._ports = ports
        self._declared = {
            key: item
            for key, item in sorted(declared.items())
            if partition_for(key, ports.partitions) == partition
        }
        self._claim: Claim | None = None
        self._log_time_us = 0
        self._states: dict[ComponentKey, ComponentState] = {}
        self._touched: set[ComponentKey] = set()
        self._runs: dict[ComponentKey, Run] = {}
        self._events = 0
        self._unwritten = Unwritten()
        self._written_at = ports.clock.monotonic()
        self._written_offset = 0
        self.heard_at = self._written_at

    def begin(self) -> int:
        """Claim the partition, load its state, and say from which offset to read.

        Raises
        ------
        StoreError
            If the database is away.
        Fenced
            If another owner claims it meanwhile.
        ConfigError
            If a stored state needs a reference that is gone.
        """
        checkpoints = self._ports.checkpoints
        self._unwritten = Unwritten()
        self._touched.clear()
        self._claim = checkpoints.claim(self.partition, self._ports.owner)
        self.next_offset = self._written_offset = self._claim.next_offset
        self._log_time_us = self._claim.log_time_us
        self._load(checkpoints.load(self._claim))
        return self.next_offset

    @property
    def components(self) -> Mapping[ComponentKey, ComponentState]:
        """The states of the components that live here."""
        return self._states

    @property
    def touched(self) -> AbstractSet[ComponentKey]:
        """Components that have changed since the last checkpoint."""
        return self._touched

    @property
    def unsaved_bytes(self) -> int:
        """About how many bytes wait to be written."""
        touched = sum(self._states[key].unsaved_bytes for key in self._touched)
        return touched + self._unwritten.nbytes

    @property
    def wants_checkpoint(self) -> bool:
        """Whether a window closed, or enough came, or it has been long enough."""
        unwritten = self._unwritten
        if unwritten.findings or unwritten.generations or self._events >= MOST_EVENTS:
            return True
        waited = self._ports.clock.monotonic() - self._written_at
        moved = self.next_offset != self._written_offset
        return (moved and waited >= EVERY_SECONDS) or self.is_full

    @property
    def is_full(self) -> bool:
        """Whether no more may be read before something is written."""
        return self.unsaved_bytes >= MOST_BYTES

    @property
    def awaits_time(self) -> bool:
        """Whether log time alone will close, judge or mature something."""
        return self.due_us < NEVER_US

    @property
    def due_us(self) -> int:
        """The log time at which log time alone will do something next."""
        return min((state.due_us for state in self._states.values()), default=NEVER_US)

    def apply(self, records: Sequence[Record]) -> None:
        """Read records of this partition, in order."""
        self.heard_at = self._ports.clock.monotonic()
        for record in records:
            if record.offset < self.next_offset:
                continue  # the bus delivers none twice; a seek that went back must not either
            self.next_offset = record.offset + 1
            self._log_time_us = max(self._log_time_us, record.append_time_us)
            try:
                self._take(record)
            except PermanentError as error:
                self._set_aside(record, error)
        for key in list(self._runs):
            self._count_run(key)
        self._advance()

    def checkpoint(self) -> None:
        """Write everything that changed, in one transaction.

        Raises
        ------
        StoreError, BusError
            If the database or the bus (for dead letters) is away: nothing is lost, try again.
        Fenced
            If another owner has claimed the partition: drop this one.
        """
        if self._claim is None:
            return
        self._ports.dead_letters.flush()
        for key in sorted(self._touched):
            self._unwritten.take(key, self._states[key].changed_rows())
            self._ports.meters.count(key, self._states[key].counts)
        self._touched.clear()
        checkpoint = self._unwritten.checkpoint(self.next_offset, self._log_time_us)
        self._ports.checkpoints.commit(self._claim, checkpoint)
        for finding in checkpoint.findings:
            place = finding.component
            self._ports.meters.findings.labels(place.namespace, place.name).inc()
        self._unwritten = Unwritten()
        self._events = 0
        self._written_offset = checkpoint.next_offset
        self._written_at = self._ports.clock.monotonic()

    def _load(self, stored: PartitionState) -> None:
        for key, declared in self._declared.items():
            self._states[key] = self._restored(declared, stored)
            self._ports.meters.begin(key, self._states[key].counts)

    def _restored(self, declared: Declared, stored: PartitionState) -> ComponentState:
        key = declared.key
        rows = _rows_of(key, stored)
        generations = {g.generation: g for g in stored.generations if g.component == key}
        if rows is None:
            spec = declared.spec(max(generations, default=0) + 1)
            self._record(declared, spec.generation)
            return ComponentState(
                spec.component, spec.reference, spec.make, generation=spec.generation
            )
        needed = references_of(rows.register)
        references = self._ports.references
        specs = recorded_specs(declared, generations, needed, references)
        state = ComponentState.restore(rows, specs)
        newest, reference = generations[max(generations)], declared.reference
        now_id = None if reference is None else reference.id
        if (newest.spec, state.spec.reference_id) != (declared.canonical, now_id):
            generation = newest.generation + 1
            self._record(declared, generation)
            findings = state.advance(self._log_time_us)
            findings += state.respecify(declared.component, reference, generation)
            self._unwritten.findings += findings
        return state

    def _record(self, declared: Declared, generation: int) -> None:
        declared.keep_reference(self._ports.references)
        row = GenerationRow(declared.key, generation, self.next_offset, declared.canonical)
        self._unwritten.generations.append(row)
        self._touched.add(declared.key)

    def _advance(self) -> None:
        """Log time moves for every component of the partition."""
        for key, state in self._states.items():
            if self._log_time_us >= state.due_us:
                self._keep(key, state.advance(self._log_time_us))

    def _take(self, record: Record) -> None:
        """Count a record, or let it wait for others of its kind."""
        self._check_route(record)
        stamp = decode_stamp(record.key, record.headers)
        key = stamp.component
        if key not in self._states:
            raise PermanentError(
                "unknown_component",
                f"{key} is not among the components of this worker: name its file in --components",
            )
        taken = Taken(record, stamp, Position(record.offset, self._log_time_us))
        if stamp.type is not MessageType.EVENTS or stamp.content_type != COLUMNS_TYPE:
            self._count_run(key)
            self._count(taken)
            return
        run = self._runs.setdefault(key, Run())
        run.add(taken)
        if run.nbytes >= RUN_BYTES:
            self._count_run(key)

    def _count_run(self, key: ComponentKey) -> None:
        """Count the messages of a component that wait."""
        run = self._runs.pop(key, Run()).messages
        if len(run) > 1 and self._count_together(key, run):
            return
        for taken in run:
            try:
                self._count(taken)
            except PermanentError as error:
                self._set_aside(taken.record, error)

    def _count_together(self, key: ComponentKey, run: list[Taken]) -> bool:
        """Count messages as one batch; False where they have to be taken one by one."""
        read = decode_together([taken.record.value for taken in run])
        if read is None:
            return False
        said = [(taken.at, taken.stamp) for taken in run]
        findings = self._states[key].events_together(read.batch, read.sizes, said)
        if findings is None:
            return False
        self._heard(key, read.batch, run[-1].at)
        self._note_unknown(key, len(run) * len(read.unknown))
        self._keep(key, findings)
        return True

    def _count(self, taken: Taken) -> None:
        message, key = decode_stamped(taken.record, taken.stamp), taken.stamp.component
        self._note_unknown(key, len(message.unknown))
        self._keep(key, self._feed(self._states[key], message, taken.at))

    def _note_unknown(self, key: ComponentKey, columns: int) -> None:
        if columns:
            self._ports.meters.unknown_columns.labels(key.namespace, key.name).inc(columns)

    def _check_route(self, record: Record) -> None:
        right = partition_for(record.key, self._ports.partitions)
        if right != self.partition:
            raise PermanentError(
                "misrouted",
                f"key {record.key[:80]!r} belongs to partition {right}, murmur2(key) mod "
                f"{self._ports.partitions}, and came in {self.partition}: set the producer's "
                "partitioner to murmur2, as Java clients have it",
            )

    def _feed(self, state: ComponentState, message: Message, at: Position) -> list[Finding]:
        stamp, batch = message.stamp, message.batch
        if isinstance(batch, EventBatch):
            self._heard(stamp.component, batch, at)
            return state.events(batch, at, stamp)
        if isinstance(batch, LabelBatch):
            return state.labels(batch, at, stamp)
        if stamp.type is MessageType.HEARTBEAT:
            return state.heartbeat(stamp, at)
        if stamp.type is MessageType.BYE:
            return state.bye(stamp, at)
        return []

    def _heard(self, key: ComponentKey, batch: EventBatch, at: Position) -> None:
        """Note the newest event; log time where none has one, or where it is ahead."""
        self._events += batch.n
        times = batch.columns.get("time")
        newest_us = at.append_time_us if times is None or not batch.n else int(times.values.max())
        self._ports.meters.heard(key, min(at.append_time_us, newest_us))

    def _keep(self, key: ComponentKey, findings: list[Finding]) -> None:
        self._touched.add(key)
        if findings:
            self._unwritten.findings += findings
            delay_us = self._ports.clock.now_us() - self._log_time_us
            self._ports.meters.judged(key, delay_us)

    def _set_aside(self, record: Record, error: PermanentError) -> None:
        key = _key_of(record)
        is_open = key in self._declared and self._declared[key].is_open
        self._ports.dead_letters.write(record, error, is_open=is_open)
        self._ports.meters.dead_letters.labels("detect", error.reason).inc()


def _rows_of(key: ComponentKey, stored: PartitionState) -> StateRows | None:
    registers = [row.blob for row in stored.registers if row.component == key]
    if not registers:
        return None
    panes = {(p.version, p.pane, p.kind): p.blob for p in stored.panes if p.component == key}
    segments = {s.segment: s.blob for s in stored.segments if s.component == key}
    return StateRows(registers[0], panes, segments)


def _key_of(record: Record) -> ComponentKey | None:
    try:
        return ComponentKey.parse(record.key.decode())
    except ValueError:  # also UnicodeDecodeError
        return None
