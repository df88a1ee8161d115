"""Whether anybody sends a component's events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns to components; what they say is known at the next checkpoint."""
    for column in (
        sa.Column("heard_at", sa.BigInteger(), nullable=True),
        sa.Column("beating", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
    ):
        op.add_column("components", column)
