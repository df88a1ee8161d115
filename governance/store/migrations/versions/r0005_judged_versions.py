"""When the newest window of each version was judged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; of windows judged before nothing better is known than their end."""
    column = sa.Column("judged_at", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    op.add_column("versions", column)
    op.execute(sa.text("UPDATE versions SET judged_at = window_end"))
