"""The first tables of registration."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant, Json
from services.chassis.migrations import create_chassis_tables_v1, drop_chassis_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# In the order in which they can be dropped.
CYCLE_TABLES = ("grants", "relays", "moves", "hosts", "marathons", "cycles")
PEOPLE_TABLES = (
    *("pairings", "join_requests", "members", "standings", "projects"),
    *("roles", "tokens", "sessions", "persons"),
)


def upgrade() -> None:
    create_chassis_tables_v1()
    _create_cycles()
    _create_marathons()
    _create_hosts_and_moves()
    _create_relay()
    _create_persons()
    _create_projects()
    _create_teams()


def downgrade() -> None:
    for table in (*PEOPLE_TABLES, *CYCLE_TABLES):
        op.drop_table(table)
    drop_chassis_tables_v1()


# --- cycles, marathons, hosts, relay (registration A) -------------------------------------


def _create_cycles() -> None:
    op.create_table(
        "cycles",
        _text("id"),
        _text("title", 200),
        _text("state", 16),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("answer_days", sa.Integer(), nullable=False),
        sa.Column("file", Json, nullable=False),
        _text("digest"),
        _instant("opened_at"),
        _instant("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _create_marathons() -> None:
    op.create_table(
        "marathons",
        _text("id", 128),
        sa.Column("cycle", sa.String(64), sa.ForeignKey("cycles.id"), nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        _text("title", 200),
        sa.Column("finale", sa.Boolean(), nullable=False),
        _text("epci_siren", 9),
        _text("epci_name", 200),
        _text("theme", 200),
        _text("question", 300),
        sa.Column("notes", sa.Text()),
        _text("operated_by"),
        _text("state", 16),
        sa.Column("first_day", sa.Date()),
        sa.Column("last_day", sa.Date()),
        *(_instant(name, nullable=True) for name in ("mobilises_at", "starts_at", "ends_at")),
        *(_instant(name, nullable=True) for name in ("ended_at", "closed_at")),
        sa.Column("least_teams", sa.Integer(), nullable=False),
        sa.Column("most_teams", sa.Integer(), nullable=False),
        sa.Column("settings", Json, nullable=False),
        *(sa.Column(name, Json) for name in ("projects", "palmares", "baton")),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cycle", "leg", name="one_marathon_per_leg"),
    )
    op.create_index("ix_marathons_state", "marathons", ["state"])


def _create_hosts_and_moves() -> None:
    op.create_table(
        "hosts",
        _marathon("marathon"),
        _text("insee", 5),
        _text("name", 100),
        _instant("reveal_at", nullable=True),
        _instant("revealed_at", nullable=True),
        sa.PrimaryKeyConstraint("marathon"),
    )
    op.create_table(
        "moves",
        _text("id"),
        _marathon("marathon"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("from_state", 16),
        _text("to_state", 16),
        _instant("at"),
        sa.Column("actor_key", sa.String(64)),
        _text("actor_name", 200),
        sa.Column("reason", sa.Text()),
        sa.Column("overridden", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("marathon", "number", name="one_move_at_a_time"),
    )
    op.create_index("ix_moves_marathon", "moves", ["marathon"])


def _create_relay() -> None:
    op.create_table(
        "relays",
        _text("id"),
        sa.Column("cycle", sa.String(64), sa.ForeignKey("cycles.id"), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        _marathon("from_marathon"),
        _marathon("to_marathon"),
        _text("state", 16),
        _instant("deadline", nullable=True),
        _instant("offered_at"),
        _instant("answered_at", nullable=True),
        sa.Column("reason", sa.Text()),
        sa.Column("baton", Json),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cycle", "term", "hop", "to_marathon", name="one_offer_per_host"),
    )
    op.create_index("ix_relays_cycle", "relays", ["cycle"])
    op.create_index("ix_relays_state", "relays", ["state"])
    op.create_table(
        "grants",
        sa.Column("cycle", sa.String(64), sa.ForeignKey("cycles.id"), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        _marathon("marathon"),
        sa.Column("relay", sa.String(64), sa.ForeignKey("relays.id")),
        _instant("granted_at"),
        _instant("received_at", nullable=True),
        sa.PrimaryKeyConstraint("cycle", "term", "hop", name="one_grant_per_hop"),
    )


# --- people, roles, sign-in, projects, teams, coaches (registration B) ---------------------


def _create_persons() -> None:
    op.create_table(
        "persons",
        _text("key"),
        sa.Column("email", sa.String(254)),
        _text("name", 200),
        _instant("created_at"),
        _instant("erased_at", nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "sessions",
        _text("id"),
        _person("person_key"),
        _instant("created_at"),
        _instant("expires_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index("ix_sessions_person_key", "sessions", ["person_key"])
    op.create_table(
        "tokens",
        _text("id"),
        _text("hash"),
        _text("label"),
        _text("role", 16),
        sa.Column("marathon", sa.String(128), sa.ForeignKey("marathons.id")),
        _instant("created_at"),
        sa.Column("created_by", sa.String(64)),
        _instant("last_used_at", nullable=True),
        _instant("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    op.create_table(
        "roles",
        _text("id"),
        _person("person_key"),
        _text("role", 16),
        sa.Column("marathon", sa.String(128), sa.ForeignKey("marathons.id")),
        _text("scope", 128),
        _text("status", 16),
        _text("display_name", 200),
        sa.Column("organisation", sa.String(200)),
        sa.Column("siren", sa.String(9)),
        sa.Column("elected_in", sa.String(5)),
        sa.Column("president", sa.Boolean(), nullable=False),
        _instant("granted_at"),
        sa.Column("granted_by", sa.String(64)),
        _instant("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_roles_marathon", "roles", ["marathon"])
    op.create_index("ix_roles_person_key", "roles", ["person_key"])
    op.create_index(
        "one_role_of_a_kind",
        "roles",
        ["person_key", "role", "scope"],
        unique=True,
        **_where("status = 'granted'"),
    )


def _create_projects() -> None:
    op.create_table(
        "projects",
        _text("id"),
        _marathon("marathon"),
        _text("status", 16),
        _text("title", 200),
        sa.Column("pitch", sa.Text(), nullable=False),
        _text("activity", 100),
        _person("holder_key"),
        sa.Column("claim", sa.String(200)),
        sa.Column("siren", sa.String(9)),
        sa.Column("commune", sa.String(5)),
        sa.Column("needs", Json, nullable=False),
        sa.Column("max_size", sa.Integer(), nullable=False),
        sa.Column("open_roles", Json, nullable=False),
        _text("join_code"),
        sa.Column("team_number", sa.Integer()),
        sa.Column("decision", sa.String(16)),
        _instant("decided_at", nullable=True),
        _instant("published_at", nullable=True),
        sa.Column("queue", sa.Integer()),
        _instant("confirm_by", nullable=True),
        _instant("remind_at", nullable=True),
        sa.Column("reason", sa.Text()),
        _instant("left_at", nullable=True),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("join_code"),
        sa.UniqueConstraint("holder_key", "claim", name="one_marathon_at_a_time"),
        sa.UniqueConstraint("marathon", "team_number", name="one_team_per_number"),
    )
    op.create_index("ix_projects_holder_key", "projects", ["holder_key"])
    op.create_index("ix_projects_marathon", "projects", ["marathon"])
    op.create_index("ix_projects_status", "projects", ["status"])
    op.create_table(
        "standings",
        _marathon("marathon"),
        _person("person_key"),
        _text("side", 16),
        sa.Column("project", sa.String(64), sa.ForeignKey("projects.id")),
        sa.PrimaryKeyConstraint("marathon", "person_key", name="one_side_each"),
    )
    op.create_index("ix_standings_person_key", "standings", ["person_key"])
    op.create_index("ix_standings_project", "standings", ["project"])


def _create_teams() -> None:
    op.create_table(
        "members",
        sa.Column("project", sa.String(64), sa.ForeignKey("projects.id"), nullable=False),
        _person("person_key"),
        sa.Column("under_18", sa.Boolean(), nullable=False),
        sa.Column("guardian_consent", sa.Boolean(), nullable=False),
        _instant("joined_at"),
        sa.PrimaryKeyConstraint("project", "person_key", name="once_in_a_team"),
    )
    op.create_index("ix_members_person_key", "members", ["person_key"])
    op.create_table(
        "join_requests",
        _text("id"),
        sa.Column("project", sa.String(64), sa.ForeignKey("projects.id"), nullable=False),
        _marathon("marathon"),
        _person("person_key"),
        _text("status", 16),
        sa.Column("under_18", sa.Boolean(), nullable=False),
        sa.Column("guardian_consent", sa.Boolean(), nullable=False),
        _instant("created_at"),
        _instant("answered_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_join_requests_marathon", "join_requests", ["marathon"])
    op.create_index("ix_join_requests_person_key", "join_requests", ["person_key"])
    op.create_index(
        "one_open_request",
        "join_requests",
        ["project", "person_key"],
        unique=True,
        **_where("status = 'open'"),
    )
    op.create_table(
        "pairings",
        sa.Column("project", sa.String(64), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("role", sa.String(64), sa.ForeignKey("roles.id"), nullable=False),
        _instant("paired_at"),
        sa.PrimaryKeyConstraint("project", "role", name="paired_once"),
    )
    op.create_index("ix_pairings_role", "pairings", ["role"])


def _text(name: str, length: int = 64) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _instant(name: str, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, Instant(), nullable=nullable)


def _marathon(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(128), sa.ForeignKey("marathons.id"), nullable=False)


def _person(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(64), sa.ForeignKey("persons.key"), nullable=False)


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}
