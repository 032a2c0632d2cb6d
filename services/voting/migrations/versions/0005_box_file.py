"""The box as a file: when it was stored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("polls", sa.Column("box_stored_at", Instant()))


def downgrade() -> None:
    with op.batch_alter_table("polls") as polls:
        polls.drop_column("box_stored_at")
