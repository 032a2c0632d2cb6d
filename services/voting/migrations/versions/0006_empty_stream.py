"""Lanes: since when nothing has waited in their stream."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lanes", sa.Column("empty_since", Instant()))


def downgrade() -> None:
    with op.batch_alter_table("lanes") as lanes:
        lanes.drop_column("empty_since")
