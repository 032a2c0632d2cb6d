"""Destroying the link between voters and ballots, for good (RULES V7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, text, update

from services.chassis.database import Database
from services.chassis.tables import idempotency
from services.chassis.work import Work
from services.voting import codes, decisions, lanes
from services.voting.tables import (
    BallotRow,
    Code,
    Decision,
    Entry,
    InvalidatedBallot,
    Poll,
    PollSecret,
    QuarantineCase,
    Voter,
)

LINKING = (InvalidatedBallot, QuarantineCase, BallotRow, Entry, Code, PollSecret)
SCRUBBED = (
    *(table.__tablename__ for table in (*LINKING, Decision, Voter)),
    *("proofs", "mails", "idempotency", "failed_events"),
)
"""Also where a request to vote left its address: the rows are gone, their pages are not."""


def unlink(work: Work, poll: Poll) -> None:
    """Leaves of a counted poll a register of keys and a box, without a common key or order.

    The box was filled at the count; the register's keys are put down again, shuffled.
    """
    keys = list(work.session.scalars(select(Entry.voter_key).where(Entry.poll == poll.id)))
    if keys:
        work.random.shuffle(keys)
        rows = [{"poll": poll.id, "key": key} for key in keys]
        work.session.execute(insert(Voter), rows)
    destroy(work, poll)


def destroy(work: Work, poll: Poll) -> None:
    """Deletes everything that links, the secret with it: keys can't be made again."""
    codes.settle(work, poll)
    decisions.unlink(work, poll)
    for table in LINKING:
        work.session.execute(delete(table).where(table.poll == poll.id))
    lanes.drop_batches(work, poll)
    _forget_passes(work, poll)
    poll.unlinked_at = work.now


def _forget_passes(work: Work, poll: Poll) -> None:
    """Takes away the answers to exchanges that somebody might have repeated: a pass names its
    voter, and whoever was signed in is named beside it. Of use only until the closing."""
    kept = idempotency.c
    work.session.execute(
        delete(idempotency).where(
            kept.door == "exchange_proof", kept.created_at <= (poll.closes_at or work.now)
        )
    )


def scrub(database: Database, now: datetime) -> list[str]:
    """Takes what was deleted out of the database's files too; answers the polls it did so for.

    To be run outside any transaction, after :func:`destroy` was committed; doing it again, or
    after a crash in the middle, is harmless. Raises ``DBAPIError`` while somebody else holds
    the tables: then it is simply due still. Backups are the operator's to delete, within 30
    days.
    """
    with database.transaction() as session:
        waiting = list(
            session.scalars(
                select(Poll.id).where(Poll.unlinked_at.is_not(None), Poll.scrubbed_at.is_(None))
            )
        )
    if not waiting:
        return []
    done = _scrub_sqlite(database) if database.is_sqlite else _scrub_postgresql(database)
    if not done:
        return []
    with database.transaction() as session:
        session.execute(update(Poll).where(Poll.id.in_(waiting)).values(scrubbed_at=now))
    return waiting


def _scrub_sqlite(database: Database) -> bool:
    """Rewrites the file and empties the log; false while a reader holds the log."""
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, *_ = cursor.fetchall()[0]
        cursor.close()
    finally:
        connection.close()
    return not busy


def _scrub_postgresql(database: Database) -> bool:
    """Rewrites the tables; a deleted row would else lie in them until its page is used again."""
    with database.engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        try:
            # Voting elsewhere must not queue behind us, and a large table takes its time.
            connection.execute(text("SET lock_timeout = '2s'"))
            connection.execute(text("SET statement_timeout = 0"))
            for name in SCRUBBED:
                connection.execute(text(f"VACUUM (FULL) {name}"))
        finally:
            connection.invalidate()  # its settings are not for others
    return True
