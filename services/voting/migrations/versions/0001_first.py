"""The first tables of voting."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant, Json
from services.chassis.migrations import create_chassis_tables_v1, drop_chassis_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_chassis_tables_v1()
    _create_polls()
    _create_ballots()
    _create_codes()
    _create_what_remains()


def downgrade() -> None:
    for table in ("voters", "box", "codes", "code_batches", "ballots", "register"):
        op.drop_table(table)
    op.drop_table("poll_secrets")
    op.drop_table("polls")
    drop_chassis_tables_v1()


def _create_polls() -> None:
    op.create_table(
        "polls",
        _text("id"),
        _text("marathon", 128),
        _text("state", 16),
        sa.Column("opens_at", Instant()),
        sa.Column("closes_at", Instant()),
        sa.Column("declared_closes_at", Instant()),
        sa.Column("asked_opens_at", Instant()),
        sa.Column("asked_closes_at", Instant()),
        sa.Column("asked_over", sa.String(80)),
        _text("rule", 16),
        _text("who_may_vote", 32),
        sa.Column("elsewhere_may_vote", sa.Boolean(), nullable=False),
        sa.Column("projects", Json, nullable=False),
        sa.Column("received", sa.Integer()),
        sa.Column("closed_at", Instant()),
        sa.Column("counted_at", Instant()),
        sa.Column("tally", Json),
        sa.Column("record", Json),
        sa.Column("unlinked_at", Instant()),
        sa.Column("scrubbed_at", Instant()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("marathon", name="one_poll_per_marathon"),
    )
    op.create_table("poll_secrets", _poll(), _text("secret"), sa.PrimaryKeyConstraint("poll"))


def _create_ballots() -> None:
    op.create_table(
        "register",
        _poll(),
        _text("voter_key"),
        sa.Column("ballots", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("poll", "voter_key", name="one_entry_per_voter"),
    )
    op.create_table(
        "ballots",
        _poll(),
        _text("tracker"),
        _text("voter_key"),
        _text("choice"),
        sa.Column("accepted_at", Instant(), nullable=False),
        _text("gateway"),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("index_in_batch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("poll", "tracker", name="one_ballot_per_tracker"),
    )


def _create_codes() -> None:
    op.create_table(
        "code_batches",
        _text("id"),
        _poll(),
        _text("place", 200),
        sa.Column("size", sa.Integer(), nullable=False),
        _text("state", 16),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant()),
        sa.Column("used", sa.Integer()),
        sa.CheckConstraint("state IN ('issued', 'revoked')", name="code_batch_state"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_code_batches_poll", "code_batches", ["poll"])
    op.create_table(
        "codes",
        _poll(),
        _text("hash"),
        sa.Column("batch", sa.String(64), sa.ForeignKey("code_batches.id"), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("poll", "hash", name="one_row_per_code"),
    )
    op.create_index("ix_codes_batch", "codes", ["batch"])


def _create_what_remains() -> None:
    op.create_table(
        "box",
        _poll(),
        _text("tracker"),
        _text("choice"),
        sa.PrimaryKeyConstraint("poll", "tracker", name="one_box_row_per_tracker"),
    )
    op.create_table(
        "voters",
        _poll(),
        _text("key"),
        sa.PrimaryKeyConstraint("poll", "key", name="one_voter_per_key"),
    )


def _text(name: str, length: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _poll() -> sa.Column[str]:
    return sa.Column("poll", sa.String(64), sa.ForeignKey("polls.id"), nullable=False)
