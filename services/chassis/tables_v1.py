"""The chassis' tables as the services' first migrations made them; what came later adds to them.

A table that is still as it was is made from the code; one that has grown is written out here.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis import columns, people_tables
from services.chassis.tables import metadata

UNCHANGED = (
    "outbox", "inbox", "copies", "failed_events", "versions", "epochs", "idempotency",
    people_tables.proofs.name, people_tables.limits.name,
)  # fmt: skip


def create() -> None:
    """Makes them."""
    metadata.create_all(op.get_bind(), tables=_unchanged(), checkfirst=False)
    op.create_table(
        "mails",
        sa.Column("id", columns.Key, primary_key=True),
        sa.Column("message_id", sa.String(255), nullable=False, unique=True),
        sa.Column("person_key", columns.Key, nullable=False, index=True),
        sa.Column("to", sa.String(254), nullable=False),
        sa.Column("subject", sa.String(250), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.Column("due_at", columns.Instant(), nullable=False, index=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
    )


def drop() -> None:
    """Takes them away."""
    op.drop_table("mails")
    metadata.drop_all(op.get_bind(), tables=_unchanged())


def _unchanged() -> list[sa.Table]:
    return [metadata.tables[name] for name in UNCHANGED]
