"""Partners, their packages, and what makes a grant effective between instances."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant, Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# In the order in which they can be dropped.
TABLES = (
    *("witnesses", "leg_notices", "told", "runs", "refusals", "packages_in", "packages_out"),
    *("heard_from", "partners"),
)


def upgrade() -> None:
    for table, column in _columns():
        op.add_column(table, column)
    _create_partners()
    _create_packages()
    _create_refusals()
    _create_runs()
    _create_notices()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    for table, column in _columns():
        op.drop_column(table, column.name)


def _columns() -> list[tuple[str, sa.Column[Any]]]:
    """The columns that tables of before get."""
    return [
        ("cycles", sa.Column("noticed", sa.String(64))),
        ("cycles", sa.Column("noticed_at", Instant())),
        ("relays", sa.Column("round", sa.Integer, nullable=False, server_default="0")),
        ("relays", sa.Column("parcel", Json)),
        ("relays", sa.Column("reminders", sa.Integer, nullable=False, server_default="0")),
        ("grants", sa.Column("package", sa.String(64))),
        ("grants", sa.Column("digest", sa.String(64))),
        ("grants", sa.Column("granter", sa.String(64))),
        ("grants", sa.Column("document", Json)),
    ]


def _key(name: str, *more: sa.ForeignKey, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(64), *more, nullable=nullable)


def _cycle() -> sa.Column[str]:
    return _key("cycle", sa.ForeignKey("cycles.id"))


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _instant(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=nullable)


def _create_partners() -> None:
    op.create_table(
        "partners",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("url", sa.String(300)),
        sa.Column("transport", sa.String(8), nullable=False),
        sa.Column("relay_url", sa.String(300)),
        sa.Column("keys", Json, nullable=False),
        _instant("added_at"),
        _instant("removed_at", nullable=True),
    )
    op.create_table(
        "heard_from",
        sa.Column("partner", sa.String(64), primary_key=True),
        _instant("at"),
    )


def _create_packages() -> None:
    op.create_table(
        "packages_out",
        _key("id"),
        _key("partner"),
        sa.Column("kind", sa.String(16), nullable=False),
        _cycle(),
        _number("term"),
        _number("hop"),
        _key("reply_to", nullable=True),
        _key("relay", nullable=True),
        sa.Column("document", Json, nullable=False),
        _instant("created_at"),
        _instant("due_at"),
        _number("attempts"),
        _instant("handed_at", nullable=True),
        _instant("settled_at", nullable=True),
        sa.Column("error", sa.String(200)),
        sa.PrimaryKeyConstraint("id", "partner", name="one_package_each"),
    )
    op.create_index("packages_due", "packages_out", ["settled_at", "due_at"])
    op.create_table(
        "packages_in",
        _key("sender"),
        _key("id"),
        _key("digest"),
        sa.Column("kind", sa.String(16), nullable=False),
        _key("cycle"),
        _instant("at"),
        sa.PrimaryKeyConstraint("sender", "id", name="one_effect_each"),
    )
    op.create_index("ix_packages_in_at", "packages_in", ["at"])


def _create_refusals() -> None:
    op.create_table(
        "refusals",
        _key("partner"),
        sa.Column("verdict", sa.String(32), nullable=False),
        _number("number"),
        sa.Column("kind", sa.String(64)),
        _key("cycle", nullable=True),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("evidence", Json),
        _instant("first_at"),
        _instant("last_at"),
        sa.PrimaryKeyConstraint("partner", "verdict", name="one_line_each"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(64), primary_key=True),
        _instant("started_at"),
        _instant("asked_at", nullable=True),
        _instant("seen_at"),
    )
    op.create_table(
        "told",
        _key("run", sa.ForeignKey("runs.id")),
        _cycle(),
        _key("partner"),
        _instant("at"),
        sa.PrimaryKeyConstraint("run", "cycle", "partner", name="told_once"),
    )


def _create_notices() -> None:
    op.create_table(
        "leg_notices",
        sa.Column("marathon", sa.String(128), sa.ForeignKey("marathons.id"), nullable=False),
        _key("sender"),
        _number("epoch"),
        _number("version"),
        sa.Column("body", Json, nullable=False),
        _instant("at"),
        sa.PrimaryKeyConstraint("marathon", name="newest_notice"),
    )
    op.create_table(
        "witnesses",
        _cycle(),
        _number("term"),
        _number("hop"),
        _key("partner"),
        _key("digest"),
        _instant("at"),
        sa.PrimaryKeyConstraint("cycle", "term", "hop", "partner", name="one_word_each"),
    )
