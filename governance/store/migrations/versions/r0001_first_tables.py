"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table and index."""
    op.create_table(
        "alerts",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "namespace", "component", "version", "modality", "check", name=("pk_alerts")
        ),
    )
    op.create_index(("ix_alerts_state"), "alerts", ["state"], unique=False)
    op.create_table(
        "audit",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "sequence", name=("pk_audit")),
    )
    op.create_table(
        "audit_heads",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("anchor_sequence", sa.BigInteger(), nullable=False),
        sa.Column("anchor_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", name=("pk_audit_heads")),
    )
    op.create_table(
        "components",
        sa.Column("worker_group", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("register", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("worker_group", "namespace", "component", name=("pk_components")),
    )
    op.create_index(
        ("ix_components_worker_group_partition"),
        "components",
        ["worker_group", "partition"],
        unique=False,
    )
    op.create_table(
        "deliveries",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("ordering_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=("pk_deliveries")),
        sa.UniqueConstraint("id", name=("uq_deliveries_id")),
    )
    op.create_index(("ix_deliveries_created_at"), "deliveries", ["created_at"], unique=False)
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["target", "ordering_key", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "findings",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("worker_group", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("window_kind", sa.Text(), nullable=False),
        sa.Column("window_number", sa.BigInteger(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("window_end", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("evaluated_at", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=("pk_findings")),
        sa.UniqueConstraint(
            "worker_group", "id", "revision", name=("uq_findings_worker_group_id_revision")
        ),
    )
    op.create_index(("ix_findings_created_at"), "findings", ["created_at"], unique=False)
    op.create_index(
        "ix_findings_unevaluated",
        "findings",
        ["worker_group", "position"],
        unique=False,
        sqlite_where=sa.text("evaluated_at IS NULL"),
        postgresql_where=sa.text("evaluated_at IS NULL"),
    )
    op.create_index(
        ("ix_findings_worker_group_namespace_component_position"),
        "findings",
        ["worker_group", "namespace", "component", "position"],
        unique=False,
    )
    op.create_index(
        ("ix_findings_worker_group_namespace_component_version_window_end"),
        "findings",
        ["worker_group", "namespace", "component", "version", "window_end"],
        unique=False,
    )
    op.create_table(
        "generations",
        sa.Column("worker_group", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("from_offset", sa.BigInteger(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "worker_group", "namespace", "component", "generation", name=("pk_generations")
        ),
    )
    op.create_index(
        ("ix_generations_worker_group_partition"),
        "generations",
        ["worker_group", "partition"],
        unique=False,
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=("pk_leases")),
    )
    op.create_table(
        "panes",
        sa.Column("worker_group", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("pane", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("log_time", sa.BigInteger(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "worker_group", "namespace", "component", "version", "pane", "kind", name=("pk_panes")
        ),
    )
    op.create_index(
        ("ix_panes_worker_group_partition"), "panes", ["worker_group", "partition"], unique=False
    )
    op.create_table(
        "partitions",
        sa.Column("worker_group", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("log_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("worker_group", "partition", name=("pk_partitions")),
    )
    op.create_table(
        "pending",
        sa.Column("worker_group", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("log_time", sa.BigInteger(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "worker_group", "namespace", "component", "segment", name=("pk_pending")
        ),
    )
    op.create_index(
        ("ix_pending_worker_group_partition"),
        "pending",
        ["worker_group", "partition"],
        unique=False,
    )
    op.create_table(
        "references",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=("pk_references")),
    )
    op.create_table(
        "topics",
        sa.Column("worker_group", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partitions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("worker_group", "topic", name=("pk_topics")),
    )
    op.create_table(
        "versions",
        sa.Column("worker_group", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("window_kind", sa.Text(), nullable=False),
        sa.Column("window_number", sa.BigInteger(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("window_end", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "worker_group", "namespace", "component", "version", name=("pk_versions")
        ),
    )
