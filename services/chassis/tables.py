"""The tables that every service's database has, beside the service's own.

One ``MetaData`` serves all four databases: the SQL is the same in each.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from services.chassis.columns import Instant, Json, Key

metadata = MetaData()

# SQLite gives rising numbers only to a column of type INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")

outbox = Table(
    "outbox",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("event_id", Key, nullable=False, unique=True),
    Column("type", Key, nullable=False),
    Column("subject", String(128), nullable=False),
    Column("envelope", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("published_at", Instant),
    # Only what still has to be sent is in this index, so it stays small for ever.
    Index(
        "outbox_unpublished",
        "number",
        postgresql_where=text("published_at IS NULL"),
        sqlite_where=text("published_at IS NULL"),
    ),
)

inbox = Table(
    "inbox",
    metadata,
    Column("event_id", Key, primary_key=True),
    Column("type", Key, nullable=False),
    Column("received_at", Instant, nullable=False),
)

copies = Table(
    "copies",
    metadata,
    Column("kind", Key, primary_key=True),
    Column("subject", String(128), primary_key=True),
    Column("marathon", String(128), index=True),
    Column("epoch", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Json, nullable=False),
    Column("heard_at", Instant, nullable=False),
)

failed_events = Table(
    "failed_events",
    metadata,
    Column("event_id", Key, primary_key=True),
    Column("type", Key, nullable=False),
    Column("subject", String(128), nullable=False),
    Column("envelope", Json, nullable=False),
    Column("status", String(16), nullable=False),  # retrying | parked
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False, index=True),
    Column("first_failed_at", Instant, nullable=False),
    Column("error", Text, nullable=False),
    Column("traceback", Text, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("kind", Key, primary_key=True),
    Column("subject", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
)

epochs = Table(
    "epochs",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", Key, primary_key=True),
    Column("door", Key, primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("digest", Key, nullable=False),
    Column("answer", Json),
    Column("created_at", Instant, nullable=False),
)
