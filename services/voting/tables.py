"""The tables of voting. Constraints, not checks, keep one ballot per voter (RULES V1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.columns import Instant, Json, Key


class Base(DeclarativeBase):
    """The tables of this service."""


class Poll(Base):
    """The public vote of one marathon."""

    __tablename__ = "polls"
    __table_args__ = (UniqueConstraint("marathon", name="one_poll_per_marathon"),)

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    marathon: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16))
    """draft → prepared → open → closed → counted; void from any of them."""

    opens_at: Mapped[datetime | None] = mapped_column(Instant)
    closes_at: Mapped[datetime | None] = mapped_column(Instant)
    declared_closes_at: Mapped[datetime | None] = mapped_column(Instant)
    """The declared closing that ``closes_at`` follows: tells a new one from one applied."""
    asked_opens_at: Mapped[datetime | None] = mapped_column(Instant)
    asked_closes_at: Mapped[datetime | None] = mapped_column(Instant)
    asked_over: Mapped[str | None] = mapped_column(String(80))
    """The marathon's plan when the organiser asked for a window of the poll's own."""

    rule: Mapped[str] = mapped_column(String(16))
    who_may_vote: Mapped[str] = mapped_column(String(32))
    elsewhere_may_vote: Mapped[bool] = mapped_column()
    projects: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """The candidates: ``[{id, version}]``."""

    suspicion: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The least numbers of voters that are suspicious, where they were declared: by kind."""

    received: Mapped[int | None] = mapped_column(Integer)
    quarantined: Mapped[int | None] = mapped_column(Integer)
    """How many ballots are in cases that are still open."""

    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    counted_at: Mapped[datetime | None] = mapped_column(Instant)
    tally: Mapped[dict[str, Any] | None] = mapped_column(Json)
    record: Mapped[dict[str, Any] | None] = mapped_column(Json)
    box_stored_at: Mapped[datetime | None] = mapped_column(Instant)
    """Whether the box is a file in the storage."""

    unlinked_at: Mapped[datetime | None] = mapped_column(Instant)
    scrubbed_at: Mapped[datetime | None] = mapped_column(Instant)


class PollSecret(Base):
    """What voter keys, passes and codes are made with; the row goes when the link goes."""

    __tablename__ = "poll_secrets"

    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"), primary_key=True)
    secret: Mapped[str] = mapped_column(Key)


class Entry(Base):
    """The register: who has voted, by voter key. ``ballots`` numbers that voter's ballots.

    No foreign key, for the reason that :class:`BallotRow` gives.
    """

    __tablename__ = "register"
    __table_args__ = (PrimaryKeyConstraint("poll", "voter_key", name="one_entry_per_voter"),)

    poll: Mapped[str] = mapped_column(Key)
    voter_key: Mapped[str] = mapped_column(Key)
    ballots: Mapped[int] = mapped_column(Integer)


class BallotRow(Base):
    """An accepted ballot; append-only until the link is destroyed.

    No foreign key: whoever writes holds the poll's row (:func:`polls.held`) until the end of the
    transaction, once for thousands; a key would look for it again with each, a fifth of
    PostgreSQL's work. Polls are never deleted.
    """

    __tablename__ = "ballots"
    __table_args__ = (PrimaryKeyConstraint("poll", "tracker", name="one_ballot_per_tracker"),)

    poll: Mapped[str] = mapped_column(Key)
    tracker: Mapped[str] = mapped_column(Key)
    voter_key: Mapped[str] = mapped_column(Key)
    choice: Mapped[str] = mapped_column(Key)
    accepted_at: Mapped[datetime] = mapped_column(Instant)
    gateway: Mapped[str] = mapped_column(Key)
    """The lane it came by."""

    batch: Mapped[int] = mapped_column(Integer)
    index_in_batch: Mapped[int] = mapped_column(Integer)
    domain: Mapped[str | None] = mapped_column(Key)
    """Of the address that was proved; with ``network`` what suspicion looks at (RULES V15)."""
    network: Mapped[str | None] = mapped_column(Key)
    """A keyed hash of the network from which it was cast."""


class LaneRow(Base):
    """A gateway's way into the stream of ballots, for one poll (ADR 0011)."""

    __tablename__ = "lanes"

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"), index=True)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    registered: Mapped[bool] = mapped_column()
    """Whether its gateway was told that it may give receipts; not if only its first, empty batch
    has come."""

    fenced_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was closed in the broker, by the machine's clock."""

    empty_since: Mapped[datetime | None] = mapped_column(Instant)
    """Since when nothing has waited in the stream, where the broker has lost the lane's tail; by
    the machine's clock."""

    last: Mapped[int | None] = mapped_column(Integer)
    """The number of its last batch, once it is known."""

    proven: Mapped[bool | None] = mapped_column()
    """Whether ``last`` is what the broker told and all up to it has come; false where the broker
    had lost it, and where some was given up."""

    forgotten: Mapped[bool] = mapped_column(default=False)
    """Whether its tail is gone from the broker."""


class BatchRow(Base):
    """A batch that has come: each has its effect once."""

    __tablename__ = "batches"
    __table_args__ = (PrimaryKeyConstraint("lane", "number", name="one_effect_per_batch"),)

    lane: Mapped[str] = mapped_column(Key)
    number: Mapped[int] = mapped_column(Integer)
    ballots: Mapped[int] = mapped_column(Integer)


class CodeBatch(Base):
    """Paper codes printed together, sealed to one place (RULES V13)."""

    __tablename__ = "code_batches"
    __table_args__ = (CheckConstraint("state IN ('issued', 'revoked')", name="code_batch_state"),)

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"), index=True)
    place: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    issued_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    used: Mapped[int | None] = mapped_column(Integer)
    """How many voted, once the codes themselves are deleted."""


class Code(Base):
    """One paper code, as a keyed hash; whether it voted, never when."""

    __tablename__ = "codes"
    __table_args__ = (PrimaryKeyConstraint("poll", "hash", name="one_row_per_code"),)

    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"))
    hash: Mapped[str] = mapped_column(Key)
    batch: Mapped[str] = mapped_column(ForeignKey("code_batches.id"), index=True)
    used: Mapped[bool] = mapped_column()


class QuarantineCase(Base):
    """Ballots of which there are too many from one place or at one moment (RULES V15).

    Its ballots are those of ``domain`` and ``network``, as far as given, that were accepted from
    ``from_at`` until before ``to_at``. Deleted with the link: ``network`` is of a voter's.
    """

    __tablename__ = "quarantine_cases"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'released', 'invalidated')", name="case_state"),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    domain: Mapped[str | None] = mapped_column(Key)
    network: Mapped[str | None] = mapped_column(Key)
    from_at: Mapped[datetime] = mapped_column(Instant)
    to_at: Mapped[datetime] = mapped_column(Instant)
    limit: Mapped[int] = mapped_column("at_least", Integer)
    """From how many voters on it is a case."""

    ballots: Mapped[int] = mapped_column(Integer)
    voters: Mapped[int] = mapped_column(Integer)
    remaining: Mapped[int] = mapped_column(Integer)
    """How many of its ballots are not invalidated."""

    state: Mapped[str] = mapped_column(String(16))
    found_at: Mapped[datetime] = mapped_column(Instant)
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(String(2000))
    """Why it was released."""

    by_key: Mapped[str | None] = mapped_column(Key)
    by_name: Mapped[str | None] = mapped_column(String(200))


class Decision(Base):
    """What two organisers decide before the count: to invalidate ballots, or to count although
    cases are open (RULES V9). The first signature makes it, the second carries it out."""

    __tablename__ = "decisions"
    __table_args__ = (
        CheckConstraint("kind IN ('invalidation', 'release')", name="decision_kind"),
        CheckConstraint("state IN ('signed', 'applied', 'withdrawn')", name="decision_state"),
        CheckConstraint("second_key <> first_key", name="two_people_sign"),
        CheckConstraint("state <> 'applied' OR second_key IS NOT NULL", name="both_have_signed"),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(2000))
    conditions: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """What selects the ballots; goes with the link."""

    requests: Mapped[list[str] | None] = mapped_column(Json)
    """The requests to vote that it ends with the ballots; gone once it is over."""

    digest: Mapped[str] = mapped_column(Key)
    ballots: Mapped[int] = mapped_column(Integer)
    voters: Mapped[int] = mapped_column(Integer)
    pending: Mapped[int] = mapped_column(Integer)
    first_key: Mapped[str] = mapped_column(Key)
    first_name: Mapped[str] = mapped_column(String(200))
    first_at: Mapped[datetime] = mapped_column(Instant)
    second_key: Mapped[str | None] = mapped_column(Key)
    second_name: Mapped[str | None] = mapped_column(String(200))
    second_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_key: Mapped[str | None] = mapped_column(Key)
    withdrawn_name: Mapped[str | None] = mapped_column(String(200))
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)


class InvalidatedBallot(Base):
    """A ballot that an invalidation took out, as it was when it was carried out."""

    __tablename__ = "invalidated_ballots"
    __table_args__ = (PrimaryKeyConstraint("poll", "tracker", name="one_invalidation_per_ballot"),)

    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"))
    tracker: Mapped[str] = mapped_column(Key)
    decision: Mapped[str] = mapped_column(ForeignKey("decisions.id"), index=True)


class BoxRow(Base):
    """The box: what was counted, without any trace of who (RULES V7, V8)."""

    __tablename__ = "box"
    __table_args__ = (PrimaryKeyConstraint("poll", "tracker", name="one_box_row_per_tracker"),)

    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"))
    tracker: Mapped[str] = mapped_column(Key)
    choice: Mapped[str] = mapped_column(Key)


class Voter(Base):
    """Who voted, once the link is destroyed: keys that nothing can be compared with any more."""

    __tablename__ = "voters"
    __table_args__ = (PrimaryKeyConstraint("poll", "key", name="one_voter_per_key"),)

    poll: Mapped[str] = mapped_column(ForeignKey("polls.id"))
    key: Mapped[str] = mapped_column(Key)
