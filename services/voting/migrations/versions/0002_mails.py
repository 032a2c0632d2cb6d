"""Mails in two parts, parked, and counted."""

from __future__ import annotations

from services.chassis import tables_v2

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables_v2.upgrade()


def downgrade() -> None:
    tables_v2.downgrade()
