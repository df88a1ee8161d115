"""What an action is, who approved it, what is paused, and which receivers are gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns to deliveries, and two small tables."""
    empty, zero, one = sa.text("''"), sa.text("0"), sa.text("1")
    for column in (
        sa.Column("action", sa.Text(), nullable=False, server_default=empty),
        sa.Column("generation", sa.Integer(), nullable=False, server_default=zero),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.Column("audited", sa.Integer(), nullable=False, server_default=one),
        sa.Column("approve_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
    ):
        op.add_column("deliveries", column)
    op.create_index(
        "ix_deliveries_ordering_key_position",
        "deliveries",
        ["ordering_key", "position"],
        unique=False,
    )
    op.create_index(
        "ix_deliveries_state_position", "deliveries", ["state", "position"], unique=False
    )
    for name, of, state in (
        ("ix_deliveries_expiring", "expires_at", "pending"),
        ("ix_deliveries_unapproved", "approve_by", "held"),
    ):
        op.create_index(
            name,
            "deliveries",
            [of],
            unique=False,
            sqlite_where=sa.text(f"state = '{state}'"),
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_table(
        "pauses",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", name="pk_pauses"),
    )
    op.create_table(
        "disabled_receivers",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target", name="pk_disabled_receivers"),
    )
