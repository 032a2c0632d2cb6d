"""Quarantine and invalidation before the count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant, Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("polls", sa.Column("suspicion", Json))
    op.add_column("polls", sa.Column("quarantined", sa.Integer()))
    # What was closed before has nothing in quarantine: its state stays as it was said.
    op.execute("UPDATE polls SET quarantined = 0 WHERE received IS NOT NULL")
    _create_cases()
    _create_decisions()
    op.create_table(
        "invalidated_ballots",
        _poll(),
        _text("tracker"),
        sa.Column("decision", sa.String(64), sa.ForeignKey("decisions.id"), nullable=False),
        sa.PrimaryKeyConstraint("poll", "tracker", name="one_invalidation_per_ballot"),
    )
    op.create_index("ix_invalidated_ballots_decision", "invalidated_ballots", ["decision"])


def downgrade() -> None:
    op.drop_index("ix_invalidated_ballots_decision", "invalidated_ballots")
    op.drop_table("invalidated_ballots")
    for table in ("decisions", "quarantine_cases"):
        op.drop_index(f"ix_{table}_poll", table)
        op.drop_table(table)
    with op.batch_alter_table("polls") as polls:
        polls.drop_column("quarantined")
        polls.drop_column("suspicion")


def _create_cases() -> None:
    op.create_table(
        "quarantine_cases",
        _text("id"),
        _poll(),
        _text("kind", 16),
        sa.Column("domain", sa.String(64)),
        sa.Column("network", sa.String(64)),
        sa.Column("from_at", Instant(), nullable=False),
        sa.Column("to_at", Instant(), nullable=False),
        *(_number(name) for name in ("at_least", "ballots", "voters", "remaining")),
        _text("state", 16),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("resolved_at", Instant()),
        sa.Column("reason", sa.String(2000)),
        sa.Column("by_key", sa.String(64)),
        sa.Column("by_name", sa.String(200)),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("state IN ('open', 'released', 'invalidated')", name="case_state"),
    )
    op.create_index("ix_quarantine_cases_poll", "quarantine_cases", ["poll"])


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        _text("id"),
        _poll(),
        _text("kind", 16),
        _text("state", 16),
        _text("reason", 2000),
        sa.Column("conditions", Json),
        sa.Column("requests", Json),
        _text("digest"),
        *(_number(name) for name in ("ballots", "voters", "pending")),
        _text("first_key"),
        _text("first_name", 200),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("second_key", sa.String(64)),
        sa.Column("second_name", sa.String(200)),
        sa.Column("second_at", Instant()),
        sa.Column("withdrawn_key", sa.String(64)),
        sa.Column("withdrawn_name", sa.String(200)),
        sa.Column("withdrawn_at", Instant()),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("kind IN ('invalidation', 'release')", name="decision_kind"),
        sa.CheckConstraint("state IN ('signed', 'applied', 'withdrawn')", name="decision_state"),
        sa.CheckConstraint("second_key <> first_key", name="two_people_sign"),
        sa.CheckConstraint("state <> 'applied' OR second_key IS NOT NULL", name="both_have_signed"),
    )
    op.create_index("ix_decisions_poll", "decisions", ["poll"])


def _poll() -> sa.Column[str]:
    return sa.Column("poll", sa.String(64), sa.ForeignKey("polls.id"), nullable=False)


def _text(name: str, size: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(size), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)
