"""The tables of people's parts, in every service's database: proofs, limits, mails."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table, Text

from services.chassis.columns import Instant, Json, Key
from services.chassis.tables import Serial, metadata

proofs = Table(
    "proofs",
    metadata,
    # SHA-256 of the token: who reads the table can't use it.
    Column("id", Key, primary_key=True),
    Column("purpose", String(128), nullable=False),
    Column("email_key", Key, nullable=False),
    # Address and payload go as soon as the proof is used (RULES D1).
    Column("email", String(254)),
    Column("payload", Json),
    # Keyed with the instance's secret: six digits alone are guessed in no time.
    Column("code", Key, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("used_at", Instant),
    Index("proofs_of_an_address", "purpose", "email_key"),
)

limits = Table(
    "limits",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("bucket", Key, nullable=False),
    # A keyed hash, gone after its window: never an address or an IP (RULES S2).
    Column("subject", Key, nullable=False),
    Column("at", Instant, nullable=False),
    Column("gone_at", Instant, nullable=False, index=True),
    Index("limits_of_a_subject", "bucket", "subject", "at"),
)

mails = Table(
    "mails",
    metadata,
    Column("id", Key, primary_key=True),
    Column("message_id", String(255), nullable=False, unique=True),
    Column("person_key", Key, nullable=False, index=True),
    Column("to", String(254), nullable=False),
    Column("subject", String(250), nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    # When to try (again); a sender moves it ahead while it sends: its lease.
    Column("due_at", Instant, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    # What the last attempt failed of, without an address.
    Column("error", Text),
    Column("html", Text),
    Column("language", String(2)),
    # It holds a link or a code that is of no use from then on: dropped, sent or not.
    Column("expires_at", Instant),
    # Tells a lease from a delay: an operator may cut the second short, never the first.
    Column("leased_until", Instant),
    Column("give_up_at", Instant),
    Column("failed_at", Instant),
    Column("parked_at", Instant),
    Column("parked_for", String(16)),  # refused | undelivered | unwritable
)

mail_tallies = Table(
    "mail_tallies",
    metadata,
    # What was never sent is counted by day and outcome, and nothing of it is kept.
    Column("day", Date, primary_key=True),
    Column("outcome", String(16), primary_key=True),  # expired | dropped
    Column("number", Integer, nullable=False),
)
