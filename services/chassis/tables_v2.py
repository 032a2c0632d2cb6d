"""What the second version of the chassis' tables adds: mails in two parts, parked, and counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis import columns


def _of_mails() -> list[sa.Column[object]]:
    return [
        sa.Column("html", sa.Text),
        sa.Column("language", sa.String(2)),
        sa.Column("expires_at", columns.Instant()),
        sa.Column("leased_until", columns.Instant()),
        sa.Column("give_up_at", columns.Instant()),
        sa.Column("failed_at", columns.Instant()),
        sa.Column("parked_at", columns.Instant()),
        sa.Column("parked_for", sa.String(16)),
    ]


def upgrade() -> None:
    """Adds it."""
    for column in _of_mails():
        op.add_column("mails", column)
    op.create_table(
        "mail_tallies",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("outcome", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Takes it away; parked mails go, for the first version would send them."""
    op.drop_table("mail_tallies")
    op.execute(sa.text("DELETE FROM mails WHERE parked_at IS NOT NULL"))
    for column in reversed(_of_mails()):
        op.drop_column("mails", column.name)
