"""What becomes of a mail in the outbox: claimed, gone, put off, parked, dropped.

Each step is a transaction of its own, and none of them waits for a mail server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, delete, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.database import Database, insert
from services.chassis.people_tables import mail_tallies, mails

LEASE = timedelta(minutes=5)
"""How long a sender has a mail for itself: far longer than the transport's timeouts allow."""

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_DELAY_OF_A_LINK = timedelta(minutes=2)
"""For what holds a link or a code: somebody waits for it, and it is good for half an hour."""

PATIENCE = timedelta(days=5)
"""How long it is tried, as mail servers do among themselves."""

KEPT = timedelta(days=35)
"""How long a mail stays at most, parked or not; then it is dropped and counted (RULES D1)."""

REFUSED, UNDELIVERED, UNWRITABLE = "refused", "undelivered", "unwritable"
EXPIRED, DROPPED = "expired", "dropped"


@dataclass(frozen=True)
class Outbox:
    """The mails of one service."""

    service: str
    database: Database


def claim(database: Database, now: datetime) -> Row[Any] | None:
    """The next due mail, now leased to this sender; nobody else finds it due meanwhile."""
    with database.transaction() as session:
        row = session.execute(
            select(mails)
            .where(mails.c.due_at <= now, mails.c.parked_at.is_(None), still_good(now))
            .order_by(mails.c.due_at, mails.c.id)
            .limit(1)
            # Another sender's row is not waited for: there is other work.
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is not None:
            until = now + LEASE
            lease = update(mails).where(mails.c.id == row.id)
            session.execute(
                lease.values(due_at=until, leased_until=until, attempts=row.attempts + 1)
            )
        return row


def sent(database: Database, row: Row[Any]) -> None:
    """Takes a mail away that a server took."""
    # Whoever holds the lease by now, nobody may send it again.
    with database.transaction() as session:
        session.execute(delete(mails).where(mails.c.id == row.id))


def put_off(database: Database, row: Row[Any], now: datetime, error: str) -> bool:
    """Sets when a mail is tried again, later each time, or parks it after :data:`PATIENCE`;
    answers whether it is parked."""
    if now >= _give_up_at(row):
        park(database, row, now, UNDELIVERED, error)
        return True
    longest = LONGEST_DELAY if row.expires_at is None else LONGEST_DELAY_OF_A_LINK
    delay = min(FIRST_DELAY * 2 ** min(row.attempts, 20), longest)
    with database.transaction() as session:
        # Never beyond the bound: the last try is at it.
        due_at = min(now + delay, _give_up_at(row))
        session.execute(_of_ours(row).values(due_at=due_at, **_failed(now, error)))
    return False


def park(database: Database, row: Row[Any], now: datetime, why: str, error: str) -> None:
    """Sends a mail no more, until an organiser says so; a link or a code in it is blanked."""
    secret: dict[str, Any] = {} if row.expires_at is None else {"text": "", "html": None}
    with database.transaction() as session:
        session.execute(
            _of_ours(row).values(
                # A sender of an earlier version looks at nothing else.
                due_at=row.created_at + KEPT,
                parked_at=now,
                parked_for=why,
                **_failed(now, error),
                **secret,
            )
        )


def purge(database: Database, now: datetime) -> dict[str, int]:
    """Drops what is of no use any more, and counts it by day; answers how many by outcome."""
    too_old = mails.c.created_at <= now - KEPT
    useless = mails.c.parked_at.is_(None) & (mails.c.expires_at <= now)
    with database.transaction() as session:
        counts = {EXPIRED: _drop(session, useless), DROPPED: _drop(session, too_old)}
        for outcome, number in counts.items():
            tally(session, now, outcome, number)
        oldest = (now - KEPT).date()
        session.execute(delete(mail_tallies).where(mail_tallies.c.day < oldest))
    return counts


def tally(session: Session, now: datetime, outcome: str, number: int) -> None:
    """Counts mails that nobody will get, on the day of ``now`` (UTC)."""
    if not number:
        return
    row = insert(session, mail_tallies).values(day=now.date(), outcome=outcome, number=number)
    session.execute(
        row.on_conflict_do_update(
            index_elements=[mail_tallies.c.day, mail_tallies.c.outcome],
            set_={"number": mail_tallies.c.number + number},
        )
    )


def in_nobodys_hand(now: datetime) -> ColumnElement[bool]:
    """That no sender has the mail just now."""
    return or_(mails.c.leased_until.is_(None), mails.c.leased_until <= now)


def still_good(now: datetime) -> ColumnElement[bool]:
    """That a mail holds no link or code that has expired."""
    return or_(mails.c.expires_at.is_(None), mails.c.expires_at > now)


def _give_up_at(row: Row[Any]) -> datetime:
    given: datetime | None = row.give_up_at
    return given or row.created_at + PATIENCE


def _of_ours(row: Row[Any]) -> Update:
    """A change of a mail while its lease is ours: who took it over has counted an attempt."""
    return update(mails).where(mails.c.id == row.id, mails.c.attempts == row.attempts + 1)


def _failed(now: datetime, error: str) -> dict[str, Any]:
    return {"error": error, "failed_at": now, "leased_until": None}


def _drop(session: Session, which: ColumnElement[bool]) -> int:
    return len(session.execute(delete(mails).where(which).returning(mails.c.id)).all())
