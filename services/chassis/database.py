"""A service's own database: engine, transaction, and what tells that it is away."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.orm import Session

from services.chassis.config import Settings

# PostgreSQL's codes for "somebody else was first, run it again": serialization, deadlock.
RETRY_CODES = {"40001", "40P01"}
IDLE_S = 1.0


class Database:
    """One database with its pool of connections; ``url`` is an SQLAlchemy address."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite(url) if self.is_sqlite else _postgresql(url, settings)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose transaction commits at the end, or rolls back when anything raises.

        No I/O but the database's may happen inside: on SQLite a green thread that yields in a
        write transaction stops the whole process until the busy timeout.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def ping(self) -> None:
        """Raises ``OperationalError`` when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


def is_away(error: BaseException) -> bool:
    """Whether ``error`` says that the database can't be reached, not that the SQL was wrong."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return False
    # libpq errors without an SQLSTATE come from the connection itself; class 57 is a shutdown
    # (57014, a cancelled statement, is not), class 08 a broken connection, 53300 a full server.
    code = getattr(error.orig, "pgcode", None)
    if code is None:
        return isinstance(error, OperationalError)
    return (code.startswith(("57P", "08")) or code == "53300") is True


def is_conflict(error: BaseException) -> bool:
    """Whether the same transaction, run again, may succeed."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None) in RETRY_CODES


def insert(session: Session, table: Table) -> Any:
    """An ``INSERT`` that knows ``ON CONFLICT``, in the dialect of the session's database."""
    name = session.get_bind().dialect.name
    return sqlite.insert(table) if name == "sqlite" else postgresql.insert(table)


def array_of(values: Iterable[str | int]) -> str:
    """An array as PostgreSQL reads it from a text (its manual, 8.15.2); none of it is NULL.

    psycopg2 would write a list into the statement element by element, each a constant that the
    server parses and plans (ADR 14).
    """
    texts = [str(value) for value in values]
    joined = "".join(texts)
    if '"' in joined or "\\" in joined:
        texts = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return '{"' + '","'.join(texts) + '"}' if texts else "{}"


def _sqlite(url: str) -> Engine:
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": 10, "check_same_thread": False}
    )
    event.listen(engine, "connect", _set_up_sqlite)
    # Taken at once rather than at the first write: a read that later wants to write could
    # otherwise fail at once when somebody else wrote in between.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        # "accepted" must be on disk before it is said, also after a power cut.
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _postgresql(url: str, settings: Settings) -> Engine:
    engine = create_engine(
        url,
        # An error that is logged must not show whose ballot or whose address it was about.
        hide_parameters=True,
        pool_size=settings.workers,
        max_overflow=5,
        connect_args={
            "connect_timeout": settings.connect_timeout_s,
            # psycopg2's wait under eventlet has no timeout of its own.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            # The same for what was sent and reached nobody, in ms.
            "tcp_user_timeout": 25_000,
            "options": f"-c timezone=UTC -c statement_timeout={settings.statement_timeout_s}s",
        },
    )
    event.listen(engine, "checkin", _note_idle)
    event.listen(engine, "checkout", _ping_if_idle)
    return engine


def _note_idle(_connection: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _ping_if_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """Tries a connection that lay idle, so that a database's restart is not noticed by a user.

    SQLAlchemy's own ``pool_pre_ping`` asks before every use: a fifth of a short call's time.
    """
    if time.monotonic() - record.info.get("idle_since", time.monotonic()) < IDLE_S:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except psycopg2.Error as error:
        raise DisconnectionError() from error
