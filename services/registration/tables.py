"""The tables of registration. What must never happen twice is a constraint here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.columns import Instant, Json, Key


class Base(DeclarativeBase):
    """The tables of this service."""


# --- cycles, marathons, hosts, relay (registration A) -------------------------------------


class Cycle(Base):
    """A season: marathons in an order, and the terms of its relay."""

    __tablename__ = "cycles"

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16), default="open")
    """open → finished."""

    term: Mapped[int] = mapped_column(Integer, default=1)
    """The highest term seen; everyone obeys it (DESIGN §5)."""

    answer_days: Mapped[int] = mapped_column(Integer)
    """How long an offered host may think, in days."""

    file: Mapped[dict[str, Any]] = mapped_column(Json)
    """The cycle file as it was loaded; public by its nature (RULES C4, C5)."""

    digest: Mapped[str] = mapped_column(Key)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    noticed: Mapped[str | None] = mapped_column(Key)
    """The digest of what the partners were last told of our own legs and of the grants."""

    noticed_at: Mapped[datetime | None] = mapped_column(Instant)


class Marathon(Base):
    """One leg of a cycle. Everything in this row is public once it is announced (RULES C4)."""

    __tablename__ = "marathons"
    __table_args__ = (UniqueConstraint("cycle", "leg", name="one_marathon_per_leg"),)

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    cycle: Mapped[str] = mapped_column(ForeignKey("cycles.id"))
    leg: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(200))
    finale: Mapped[bool] = mapped_column()
    epci_siren: Mapped[str] = mapped_column(String(9))
    epci_name: Mapped[str] = mapped_column(String(200))
    theme: Mapped[str] = mapped_column(String(200))
    question: Mapped[str] = mapped_column(String(300))
    notes: Mapped[str | None] = mapped_column(Text)
    operated_by: Mapped[str] = mapped_column(Key)
    state: Mapped[str] = mapped_column(String(16), index=True)
    first_day: Mapped[date | None] = mapped_column()
    last_day: Mapped[date | None] = mapped_column()
    """The public days, where the hours are not known."""

    mobilises_at: Mapped[datetime | None] = mapped_column(Instant)
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    least_teams: Mapped[int] = mapped_column(Integer)
    most_teams: Mapped[int] = mapped_column(Integer)
    settings: Mapped[dict[str, Any]] = mapped_column(Json)
    projects: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    """Who started: ``[{id, version}]``; set at the start."""

    palmares: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The published palmarès: ``{id, number, digest}``."""

    baton: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The grant this marathon holds: ``{cycle, term, hop}``."""

    reason: Mapped[str | None] = mapped_column(Text)
    """Why it was cancelled."""

    purged_at: Mapped[datetime | None] = mapped_column(Instant)
    """When its teams were forgotten (RULES D1)."""


class Host(Base):
    """A host town; secret until ``revealed_at`` is set (RULES C4).

    In a table of its own, so that nothing that reads a marathon has it in its hands.
    """

    __tablename__ = "hosts"

    marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"), primary_key=True)
    insee: Mapped[str] = mapped_column(String(5))
    name: Mapped[str] = mapped_column(String(100))
    reveal_at: Mapped[datetime | None] = mapped_column(Instant)
    revealed_at: Mapped[datetime | None] = mapped_column(Instant)


class Move(Base):
    """One move of a marathon from a state to the next, for good (RULES C1)."""

    __tablename__ = "moves"

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(Instant)
    actor_key: Mapped[str | None] = mapped_column(Key)
    actor_name: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str | None] = mapped_column(Text)
    overridden: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """What was missing and overridden: ``[{code, message}]``."""

    __table_args__ = (UniqueConstraint("marathon", "number", name="one_move_at_a_time"),)


class Hold(Base):
    """A dispute for which a marathon's data are not purged while it lasts (RULES D2)."""

    __tablename__ = "holds"
    __table_args__ = (
        Index(
            *("one_hold_at_a_time", "marathon"),
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
            sqlite_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"))
    reason: Mapped[str] = mapped_column(Text)
    placed_at: Mapped[datetime] = mapped_column(Instant)
    placed_by: Mapped[str | None] = mapped_column(Key)
    lifted_at: Mapped[datetime | None] = mapped_column(Instant)
    lifted_by: Mapped[str | None] = mapped_column(Key)


class Relay(Base):
    """An offer of the baton to one host, and what became of it (DESIGN §5)."""

    __tablename__ = "relays"
    __table_args__ = (
        UniqueConstraint("cycle", "term", "hop", "to_marathon", name="one_offer_per_host"),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    cycle: Mapped[str] = mapped_column(ForeignKey("cycles.id"), index=True)
    term: Mapped[int] = mapped_column(Integer)
    hop: Mapped[int] = mapped_column(Integer)
    from_marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"))
    to_marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"))
    state: Mapped[str] = mapped_column(String(16), index=True)
    """offered → accepted → passed → received; or refused, expired, withdrawn, superseded.

    It is accepted while the grant is on its way from another instance.
    """

    deadline: Mapped[datetime | None] = mapped_column(Instant)
    offered_at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(Text)
    baton: Mapped[dict[str, Any] | None] = mapped_column(Json)
    round: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Which time the same host is asked, between instances; a later one is a higher number."""

    parcel: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """What comes with an offer from another instance: ``{leg, templates}``."""

    reminders: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """How many reminders of the deadline the organisers were written."""


class Grant(Base):
    """The one grant of a hop in a term: only this makes a holder (DESIGN §5)."""

    __tablename__ = "grants"
    __table_args__ = (PrimaryKeyConstraint("cycle", "term", "hop", name="one_grant_per_hop"),)

    cycle: Mapped[str] = mapped_column(ForeignKey("cycles.id"))
    term: Mapped[int] = mapped_column(Integer)
    hop: Mapped[int] = mapped_column(Integer)
    marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"))
    relay: Mapped[str | None] = mapped_column(ForeignKey("relays.id"))
    """The offer it answers; none for the first leg, which gets its baton at the opening."""

    granted_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime | None] = mapped_column(Instant)
    """Since when it is effective: only then its marathon holds the baton."""

    package: Mapped[str | None] = mapped_column(Key)
    """Between instances: the id of the signed grant; none for the first leg's."""

    digest: Mapped[str | None] = mapped_column(Key)
    """The SHA-256 of what was signed: which of two grants this one is."""

    granter: Mapped[str | None] = mapped_column(Key)
    """The partner who signed it."""

    document: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The signed grant itself, which proves it to whoever reads the chain."""


# --- between instances (partners/) --------------------------------------------------------


class Partner(Base):
    """Another organiser's instance, or this one: how it is reached and how it signs."""

    __tablename__ = "partners"

    name: Mapped[str] = mapped_column(Key, primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    url: Mapped[str | None] = mapped_column(String(300))
    transport: Mapped[str] = mapped_column(String(8))
    """amqp, or https."""

    relay_url: Mapped[str | None] = mapped_column(String(300))
    keys: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """``[{id, public, state, until}]``: active, retired or revoked; ``public`` is base64."""

    added_at: Mapped[datetime] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)


class HeardFrom(Base):
    """When the last package came that a partner signed."""

    __tablename__ = "heard_from"

    partner: Mapped[str] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)


class PackageOut(Base):
    """A signed package for one partner, sent again until it is settled."""

    __tablename__ = "packages_out"
    __table_args__ = (
        PrimaryKeyConstraint("id", "partner", name="one_package_each"),
        Index("packages_due", "settled_at", "due_at"),
    )

    id: Mapped[str] = mapped_column(Key)
    partner: Mapped[str] = mapped_column(Key)
    kind: Mapped[str] = mapped_column(String(16))
    cycle: Mapped[str] = mapped_column(ForeignKey("cycles.id"))
    term: Mapped[int] = mapped_column(Integer)
    hop: Mapped[int] = mapped_column(Integer)
    reply_to: Mapped[str | None] = mapped_column(Key)
    """The package that it answers: when that one comes again, this one is sent again."""

    relay: Mapped[str | None] = mapped_column(Key)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    handed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the transport first took it."""

    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    error: Mapped[str | None] = mapped_column(String(200))
    """Why the transport did not take it the last time."""


class PackageIn(Base):
    """A package that was taken: the same again changes nothing."""

    __tablename__ = "packages_in"
    __table_args__ = (PrimaryKeyConstraint("sender", "id", name="one_effect_each"),)

    sender: Mapped[str] = mapped_column(Key)
    id: Mapped[str] = mapped_column(Key)
    digest: Mapped[str] = mapped_column(Key)
    kind: Mapped[str] = mapped_column(String(16))
    cycle: Mapped[str] = mapped_column(Key)
    at: Mapped[datetime] = mapped_column(Instant, index=True)


class RefusedPackages(Base):
    """What was refused of one partner for one reason: how often, and the last time."""

    __tablename__ = "refusals"
    __table_args__ = (PrimaryKeyConstraint("partner", "verdict", name="one_line_each"),)

    partner: Mapped[str] = mapped_column(Key)
    """The name it gave, if we know a partner of that name; else "?"."""

    verdict: Mapped[str] = mapped_column(String(32))
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str | None] = mapped_column(String(64))
    cycle: Mapped[str | None] = mapped_column(Key)
    reason: Mapped[str] = mapped_column(String(300))
    evidence: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The signed document itself, where it proves a double grant."""

    first_at: Mapped[datetime] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant)


class Told(Base):
    """A partner told this run of ours which grants it knows (DESIGN §5)."""

    __tablename__ = "told"
    __table_args__ = (PrimaryKeyConstraint("run", "cycle", "partner", name="told_once"),)

    run: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    cycle: Mapped[str] = mapped_column(ForeignKey("cycles.id"))
    partner: Mapped[str] = mapped_column(Key)
    at: Mapped[datetime] = mapped_column(Instant)


class Run(Base):
    """A process of this service since its start: after each, the partners are asked."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Instant)
    asked_at: Mapped[datetime | None] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)


class LegNotice(Base):
    """What another instance last said of one of its legs."""

    __tablename__ = "leg_notices"
    __table_args__ = (PrimaryKeyConstraint("marathon", name="newest_notice"),)

    marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"))
    sender: Mapped[str] = mapped_column(Key)
    epoch: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(Instant)


class Witness(Base):
    """A partner, or we, hold this grant to be the one of its hop; the first one it showed."""

    __tablename__ = "witnesses"
    __table_args__ = (
        PrimaryKeyConstraint("cycle", "term", "hop", "partner", name="one_word_each"),
    )

    cycle: Mapped[str] = mapped_column(ForeignKey("cycles.id"))
    term: Mapped[int] = mapped_column(Integer)
    hop: Mapped[int] = mapped_column(Integer)
    partner: Mapped[str] = mapped_column(Key)
    digest: Mapped[str] = mapped_column(Key)
    at: Mapped[datetime] = mapped_column(Instant)


# --- people, roles, sign-in, projects, teams, coaches (registration B) ---------------------


class Person(Base):
    """Somebody we know by an address; erased, only the key stays (RULES D2)."""

    __tablename__ = "persons"

    key: Mapped[str] = mapped_column(Key, primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str | None] = mapped_column(String(2))
    """The one they last used; letters are in it."""

    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime | None] = mapped_column(Instant)
    """When they last signed in: an account that nobody uses is erased (RULES D1)."""

    erased_at: Mapped[datetime | None] = mapped_column(Instant)


class Consent(Base):
    """One time that somebody gave or withdrew a consent; the highest number holds (RULES D3)."""

    __tablename__ = "consents"
    __table_args__ = (
        PrimaryKeyConstraint("person_key", "kind", "number", name="one_consent_at_a_time"),
    )

    person_key: Mapped[str] = mapped_column(ForeignKey("persons.key"))
    kind: Mapped[str] = mapped_column(String(16))
    number: Mapped[int] = mapped_column(Integer)
    given: Mapped[bool] = mapped_column()
    at: Mapped[datetime] = mapped_column(Instant)


class Session(Base):
    """Somebody signed in; ends by its time, at sign-out, with a role, with the person."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    """SHA-256 of the secret."""

    person_key: Mapped[str] = mapped_column(ForeignKey("persons.key"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class Token(Base):
    """A machine's credential, for one role."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    hash: Mapped[str] = mapped_column(Key, unique=True)
    label: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    marathon: Mapped[str | None] = mapped_column(ForeignKey("marathons.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str | None] = mapped_column(Key)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class Role(Base):
    """A role of a person in one marathon, or in all of them (RULES R3)."""

    __tablename__ = "roles"
    __table_args__ = (
        Index(
            *("one_role_of_a_kind", "person_key", "role", "scope"),
            unique=True,
            postgresql_where=text("status = 'granted'"),
            sqlite_where=text("status = 'granted'"),
        ),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    person_key: Mapped[str] = mapped_column(ForeignKey("persons.key"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    marathon: Mapped[str | None] = mapped_column(ForeignKey("marathons.id"), index=True)
    scope: Mapped[str] = mapped_column(String(128))
    """The marathon, or "*": two nulls would not be the same to a constraint."""

    status: Mapped[str] = mapped_column(String(16))
    display_name: Mapped[str] = mapped_column(String(200))
    organisation: Mapped[str | None] = mapped_column(String(200))
    siren: Mapped[str | None] = mapped_column(String(9))
    elected_in: Mapped[str | None] = mapped_column(String(5))
    president: Mapped[bool] = mapped_column()
    granted_at: Mapped[datetime] = mapped_column(Instant)
    granted_by: Mapped[str | None] = mapped_column(Key)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class Standing(Base):
    """On which side a person is in a marathon: nobody is on both (RULES R3), or in two teams."""

    __tablename__ = "standings"
    __table_args__ = (PrimaryKeyConstraint("marathon", "person_key", name="one_side_each"),)

    marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"))
    person_key: Mapped[str] = mapped_column(ForeignKey("persons.key"), index=True)
    side: Mapped[str] = mapped_column(String(16))
    """juror, or competitor."""

    project: Mapped[str | None] = mapped_column(ForeignKey("projects.id"), index=True)


class Project(Base):
    """A project in one marathon (RULES R1)."""

    __tablename__ = "projects"
    __table_args__ = (
        UniqueConstraint("marathon", "team_number", name="one_team_per_number"),
        UniqueConstraint("holder_key", "claim", name="one_marathon_at_a_time"),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"), index=True)
    status: Mapped[str] = mapped_column(String(16), index=True)
    title: Mapped[str] = mapped_column(String(200))
    pitch: Mapped[str] = mapped_column(Text)
    activity: Mapped[str] = mapped_column(String(100))
    holder_key: Mapped[str] = mapped_column(ForeignKey("persons.key"), index=True)
    claim: Mapped[str | None] = mapped_column(String(200))
    """The title as it is compared, while the project is in a marathon that is not over: the
    same project is in one marathon at a time (RULES R8)."""

    siren: Mapped[str | None] = mapped_column(String(9))
    commune: Mapped[str | None] = mapped_column(String(5))
    needs: Mapped[dict[str, Any]] = mapped_column(Json)
    max_size: Mapped[int] = mapped_column(Integer)
    open_roles: Mapped[list[str]] = mapped_column(Json)
    join_code: Mapped[str] = mapped_column(Key, unique=True)
    team_number: Mapped[int | None] = mapped_column(Integer)
    decision: Mapped[str | None] = mapped_column(String(16))
    """Secret until all are published together."""

    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    published_at: Mapped[datetime | None] = mapped_column(Instant)
    queue: Mapped[int | None] = mapped_column(Integer)
    """The place on the waiting list: the lowest moves up first."""

    confirm_by: Mapped[datetime | None] = mapped_column(Instant)
    remind_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(Text)
    left_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was withdrawn, disqualified, or did not come."""

    created_at: Mapped[datetime] = mapped_column(Instant)


class Member(Base):
    """Somebody in a team, its holder included (RULES R2, R5)."""

    __tablename__ = "members"
    __table_args__ = (PrimaryKeyConstraint("project", "person_key", name="once_in_a_team"),)

    project: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    person_key: Mapped[str] = mapped_column(ForeignKey("persons.key"), index=True)
    under_18: Mapped[bool] = mapped_column()
    guardian_consent: Mapped[bool] = mapped_column()
    joined_at: Mapped[datetime] = mapped_column(Instant)


class JoinRequest(Base):
    """Somebody who asks a team to take them in."""

    __tablename__ = "join_requests"
    __table_args__ = (
        Index(
            *("one_open_request", "project", "person_key"),
            unique=True,
            postgresql_where=text("status = 'open'"),
            sqlite_where=text("status = 'open'"),
        ),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    marathon: Mapped[str] = mapped_column(ForeignKey("marathons.id"), index=True)
    person_key: Mapped[str] = mapped_column(ForeignKey("persons.key"), index=True)
    status: Mapped[str] = mapped_column(String(16))
    """open → accepted | refused | ended."""

    under_18: Mapped[bool] = mapped_column()
    guardian_consent: Mapped[bool] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)


class Pairing(Base):
    """A coach of a team; a coach may have several (RULES R4)."""

    __tablename__ = "pairings"
    __table_args__ = (PrimaryKeyConstraint("project", "role", name="paired_once"),)

    project: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    role: Mapped[str] = mapped_column(ForeignKey("roles.id"), index=True)
    paired_at: Mapped[datetime] = mapped_column(Instant)
