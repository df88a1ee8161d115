"""Indexes for pages of findings, in the order in which pages go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_PAGE = ("window_end", "position")
_ALL = {
    "ix_findings_page": (),
    "ix_findings_of_namespace": ("namespace",),
    "ix_findings_of_component": ("namespace", "component"),
    "ix_findings_of_check": ("check",),
}
_LOUD = {
    "ix_findings_loud": ("status",),
    "ix_findings_loud_of_component": ("namespace", "component", "status"),
}


def upgrade() -> None:
    """Replace the index by position with those by window."""
    op.drop_index("ix_findings_worker_group_namespace_component_position", "findings")
    for name, columns in _ALL.items():
        op.create_index(name, "findings", ["worker_group", *columns, *_PAGE], unique=False)
    for name, columns in _LOUD.items():
        op.create_index(
            name,
            "findings",
            ["worker_group", *columns, *_PAGE],
            unique=False,
            sqlite_where=sa.text("status <> 'ok'"),
            postgresql_where=sa.text("status <> 'ok'"),
        )
