"""The tables. Instants are int64 microseconds since 1970 UTC; ids and hashes are hex text.

What detectors remember is kept per worker group, so that a second group over the same log finds
everything again from an empty state. ``position`` counts rows in the order in which they came:
within one component it is the order of judgement, because one partition has one owner.

A change here needs a new file in ``migrations/versions``; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(name: str, kind: type[Text | BigInteger | Integer] = Text) -> Column[object]:
    return Column(name, kind, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _instant(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _position() -> Column[int]:
    # SQLite counts rows only in a column that is called INTEGER
    counted = BigInteger().with_variant(Integer, "sqlite")
    return Column("position", counted, primary_key=True, autoincrement=True)


topics = Table(
    "topics",
    metadata,
    _key("worker_group"),
    _key("topic"),
    Column("partitions", Integer, nullable=False),
)

partitions = Table(
    "partitions",
    metadata,
    _key("worker_group"),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    _text("owner"),
    Column("next_offset", BigInteger, nullable=False),
    _instant("log_time"),
)

# the register: everything small that a component's state needs besides panes and segments
components = Table(
    "components",
    metadata,
    _key("worker_group"),
    _key("namespace"),
    _key("component"),
    Column("partition", Integer, nullable=False),
    Column("register", LargeBinary, nullable=False),
    Column("heard_at", BigInteger),
    Column("beating", Integer, nullable=False),
    Column("due_at", BigInteger),
    Index(None, "worker_group", "partition"),
)

generations = Table(
    "generations",
    metadata,
    _key("worker_group"),
    _key("namespace"),
    _key("component"),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("partition", Integer, nullable=False),
    Column("from_offset", BigInteger, nullable=False),
    _text("spec"),
    Column("commit", Text),
    Index(None, "worker_group", "partition"),
)

# newest judged window of each version: what the API lists without a look at all findings
versions = Table(
    "versions",
    metadata,
    _key("worker_group"),
    _key("namespace"),
    _key("component"),
    _key("version"),
    _text("window_kind"),
    Column("window_number", BigInteger, nullable=False),
    _instant("window_start"),
    _instant("window_end"),
    _instant("judged_at"),
)

panes = Table(
    "panes",
    metadata,
    _key("worker_group"),
    _key("namespace"),
    _key("component"),
    _key("version"),
    Column("pane", BigInteger, primary_key=True, autoincrement=False),
    _key("kind"),
    Column("partition", Integer, nullable=False),
    _instant("log_time"),
    Column("blob", LargeBinary, nullable=False),
    Index(None, "worker_group", "partition"),
)

pending = Table(
    "pending",
    metadata,
    _key("worker_group"),
    _key("namespace"),
    _key("component"),
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("partition", Integer, nullable=False),
    _instant("log_time"),
    Column("blob", LargeBinary, nullable=False),
    Index(None, "worker_group", "partition"),
)

references = Table(
    "references",
    metadata,
    _key("hash"),
    _instant("created_at"),
    Column("profile", LargeBinary, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    _position(),
    _text("worker_group"),
    _text("id"),
    Column("revision", Integer, nullable=False),
    _text("namespace"),
    _text("component"),
    _text("version"),
    _text("modality"),
    _text("check"),
    _text("subject"),
    _text("status"),
    _text("window_kind"),
    Column("window_number", BigInteger, nullable=False),
    _instant("window_start"),
    _instant("window_end"),
    _instant("created_at"),
    Column("evaluated_at", BigInteger),
    _text("body"),
    UniqueConstraint("worker_group", "id", "revision"),
    Index(None, "worker_group", "namespace", "component", "version", "window_end"),
    Index(None, "created_at"),
    # pages go by (window_end, position); a filter that is asked for alone has an index of its own
    Index("ix_findings_page", "worker_group", "window_end", "position"),
    Index("ix_findings_of_namespace", "worker_group", "namespace", "window_end", "position"),
    Index(
        "ix_findings_of_component",
        *("worker_group", "namespace", "component", "window_end", "position"),
    ),
    Index("ix_findings_of_check", "worker_group", "check", "window_end", "position"),
    Index(
        "ix_findings_loud",
        *("worker_group", "status", "window_end", "position"),
        sqlite_where=text("status <> 'ok'"),
        postgresql_where=text("status <> 'ok'"),
    ),
    Index(
        "ix_findings_loud_of_component",
        *("worker_group", "namespace", "component", "status", "window_end", "position"),
        sqlite_where=text("status <> 'ok'"),
        postgresql_where=text("status <> 'ok'"),
    ),
)
Index(
    "ix_findings_unevaluated",
    findings.c.worker_group,
    findings.c.position,
    sqlite_where=findings.c.evaluated_at.is_(None),
    postgresql_where=findings.c.evaluated_at.is_(None),
)

alerts = Table(
    "alerts",
    metadata,
    _key("namespace"),
    _key("component"),
    _key("version"),
    _key("modality"),
    _key("check"),
    _text("fingerprint"),
    _text("state"),
    _text("severity"),
    Column("incident", Integer, nullable=False),
    Column("changed_at", BigInteger),
    _text("body"),
    Index(None, "state"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _position(),
    _text("id"),
    _text("kind"),
    _text("target"),
    _text("ordering_key"),
    _text("state"),
    Column("attempts", Integer, nullable=False),
    _instant("next_attempt_at"),
    _instant("created_at"),
    Column("expires_at", BigInteger),
    Column("leased_by", Text),
    Column("leased_until", BigInteger),
    _text("last_error"),
    _text("body"),
    _text("action"),
    Column("generation", Integer, nullable=False),
    Column("commit", Text),
    Column("audited", Integer, nullable=False),
    Column("approve_by", BigInteger),
    Column("decided_by", Text),
    Column("decided_at", BigInteger),
    Column("decision_reason", Text),
    UniqueConstraint("id"),
    Index(None, "created_at"),
    Index("ix_deliveries_ordering_key_position", "ordering_key", "position"),
    Index("ix_deliveries_state_position", "state", "position"),
)
Index(
    "ix_deliveries_expiring",
    deliveries.c.expires_at,
    sqlite_where=deliveries.c.state == "pending",
    postgresql_where=deliveries.c.state == "pending",
)
Index(
    "ix_deliveries_unapproved",
    deliveries.c.approve_by,
    sqlite_where=deliveries.c.state == "held",
    postgresql_where=deliveries.c.state == "held",
)
Index(
    "ix_deliveries_pending",
    deliveries.c.target,
    deliveries.c.ordering_key,
    deliveries.c.position,
    sqlite_where=deliveries.c.state == "pending",
    postgresql_where=deliveries.c.state == "pending",
)

# a row: automatic actions of this namespace wait; "*" is every namespace
pauses = Table(
    "pauses",
    metadata,
    _key("namespace"),
    _text("paused_by"),
    _instant("paused_at"),
    _text("reason"),
)

# receivers that answered 410: nothing is sent to them until somebody enables them again
disabled_receivers = Table(
    "disabled_receivers",
    metadata,
    _key("target"),
    _instant("disabled_at"),
    _text("reason"),
)

leases = Table(
    "leases",
    metadata,
    _key("name"),
    _text("holder"),
    Column("token", BigInteger, nullable=False),
    _instant("expires_at"),
)

audit = Table(
    "audit",
    metadata,
    _key("namespace"),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _instant("at"),
    _text("kind"),
    _text("body"),
    _text("previous"),
    _text("hash"),
)

# newest link and last pruned link of each chain: rows cut off at either end are missed
audit_heads = Table(
    "audit_heads",
    metadata,
    _key("namespace"),
    Column("sequence", BigInteger, nullable=False),
    _text("hash"),
    Column("anchor_sequence", BigInteger, nullable=False),
    _text("anchor_hash"),
)
