"""The tables of people's parts, in every service's database: proofs, limits, mails."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

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
    Column("error", Text),
)
