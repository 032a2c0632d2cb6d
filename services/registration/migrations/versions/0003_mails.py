"""Mails in two parts, parked, and counted; the language people read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis import tables_v2

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables_v2.upgrade()
    op.add_column("persons", sa.Column("language", sa.String(2)))


def downgrade() -> None:
    op.drop_column("persons", "language")
    tables_v2.downgrade()
