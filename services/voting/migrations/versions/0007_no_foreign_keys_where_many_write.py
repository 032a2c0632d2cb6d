"""Ballots and the register without foreign keys to the polls."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}
"""As PostgreSQL calls them by itself; SQLite gives no names."""


def upgrade() -> None:
    _lock_as_voters_do()
    for name in ("ballots", "register"):
        with op.batch_alter_table(name, naming_convention=NAMES) as table:
            table.drop_constraint(f"{name}_poll_fkey", type_="foreignkey")


def downgrade() -> None:
    _lock_as_voters_do()
    for name in ("ballots", "register"):
        with op.batch_alter_table(name, naming_convention=NAMES) as table:
            table.create_foreign_key(f"{name}_poll_fkey", "polls", ["poll"], ["id"])


def _lock_as_voters_do() -> None:
    """In their order: by itself it would take the ballots before the polls, and whoever votes
    meanwhile would have the one and wait for the other."""
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().execute(text("LOCK TABLE polls, register, ballots IN ACCESS EXCLUSIVE MODE"))
