"""The mail outbox: a mail is a row in the transaction of what caused it, sent after the commit.

It stays until an SMTP server took it, with the same Message-ID on every try. A sender claims
one mail at a time by a lease, so several senders never have the same one in hand; one that
dies leaves its mail to the others when the lease runs out.

``MARATHON_SMTP_URL`` says where they go: ``smtp://``, ``smtp+tls://`` or ``smtps://`` a server
(``smtp``), ``folder:PATH`` into files (``mail_folder``, for the demonstration and tests).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from sqlalchemy import Row, delete, select, update
from sqlalchemy.exc import DBAPIError

from services.chassis import limiter, proofs
from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.mail_folder import FolderTransport, folder_of
from services.chassis.people import address, canonical_email, person_key
from services.chassis.people_tables import mails
from services.chassis.smtp import NotTaken, ServerAway, SmtpTransport

if TYPE_CHECKING:
    from services.chassis.work import Work

log = structlog.get_logger()

LEASE = timedelta(minutes=5)
"""How long a sender has a mail for itself: far longer than the transport's timeouts allow."""

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_SUBJECT = 250
BATCH = 100
PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
PURGE_EVERY_S = 60.0


class Transport(Protocol):
    """What carries a mail away."""

    def send(self, message: EmailMessage, to: str) -> None:
        """Returns once a server took it; raises ``ServerAway`` or ``NotTaken``."""
        ...

    def close(self) -> None:
        """Ends the connection, if there is one."""
        ...


def transport_of(settings: Settings) -> SmtpTransport | FolderTransport:
    """What carries this instance's mails. Raises ``SettingsError`` for what can't be meant."""
    folder = folder_of(settings.smtp_url)
    if folder is not None:
        return FolderTransport(folder)
    return SmtpTransport(settings.smtp_url, settings.mail_from)


def enqueue(work: Work, to: str, subject: str, text: str) -> None:
    """Puts a mail in the outbox, in this transaction. Raises ``Invalid("email_invalid")``.

    Nothing in it can add a header: the address is checked, and the subject is one line.
    """
    receiver = address(to)
    mail_id = work.new_id()
    sender_domain = work.settings.mail_from.rpartition("@")[2].strip("<> ")
    work.session.execute(
        mails.insert().values(
            id=mail_id,
            message_id=f"<{mail_id}@{sender_domain}>",
            person_key=person_key(work.settings.secret, canonical_email(receiver)),
            to=receiver,
            subject=_one_line(subject),
            text=text,
            created_at=work.now,
            due_at=work.now,
            attempts=0,
        )
    )


def forget(work: Work, key: str) -> None:
    """Takes back what still waits for a person who is erased (RULES D2)."""
    work.session.execute(delete(mails).where(mails.c.person_key == key))


def message_of(row: Row[Any], sender: str) -> EmailMessage:
    """The mail as it is sent: the same bytes on every try."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = row.to
    message["Subject"] = row.subject
    message["Date"] = format_datetime(row.created_at)
    message["Message-ID"] = row.message_id
    # Tells holiday responders and mailing lists not to answer (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(row.text)
    return message


def send_due(
    database: Database, transport: Transport, now: datetime, limit: int, sender: str = ""
) -> int:
    """Sends up to ``limit`` mails that are due; answers how many a server took.

    Stops at once when the server can't be had: the others would wait for the same. Raises
    ``DBAPIError`` when the database is away.
    """
    sent = 0
    try:
        for _ in range(limit):
            row = _claim(database, now)
            if row is None:
                break
            try:
                transport.send(message_of(row, sender or Settings.mail_from), row.to)
            except (ServerAway, NotTaken) as failure:
                _postpone(database, row, now, failure)
                if isinstance(failure, ServerAway):
                    break
            else:
                _done(database, row)
                sent += 1
    finally:
        transport.close()
    return sent


def run(settings: Settings, databases: Iterable[Database], stop: Callable[[], bool]) -> None:
    """Sends what is due in these databases until ``stop()``, and drops what is of no use.

    Any number of these loops may run at once. Neither a server nor a database that is away
    ends it: both are asked again, less and less often.
    """
    clock = settings.clock()
    outboxes = list(databases)
    pause, purged_at = PAUSE_S, float("-inf")
    while not stop():
        fine = [_pass(settings, database, clock.now()) for database in outboxes]
        pause = PAUSE_S if all(fine) else min(pause * 2, LONGEST_PAUSE_S)
        if time.monotonic() - purged_at >= PURGE_EVERY_S:
            # What could not be done is tried again at the next pass, not a minute later.
            done = [_purge(database, clock.now()) for database in outboxes]
            purged_at = time.monotonic() if all(done) else purged_at
        _wait(pause, stop)


def _pass(settings: Settings, database: Database, now: datetime) -> bool:
    """One look at one outbox; whether nothing stood in the way."""
    transport = transport_of(settings)
    try:
        sent = send_due(database, transport, now, BATCH, settings.mail_from)
    except DBAPIError as error:
        log.warning("mail_outbox_away", error=type(error).__name__)
        return False
    if sent:
        log.info("mails_sent", count=sent)
    return not transport.was_away


def _purge(database: Database, now: datetime) -> bool:
    """Drops what is of no use any more; whether that could be done."""
    try:
        with database.transaction() as session:
            limiter.purge(session, now)
            proofs.purge(session, now)
    except DBAPIError as error:
        log.warning("purge_failed", error=type(error).__name__)
        return False
    return True


def _wait(seconds: float, stop: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not stop() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))


def _claim(database: Database, now: datetime) -> Row[Any] | None:
    """The next due mail, now leased to this sender; nobody else finds it due meanwhile."""
    with database.transaction() as session:
        row = session.execute(
            select(mails)
            .where(mails.c.due_at <= now)
            .order_by(mails.c.due_at, mails.c.id)
            .limit(1)
            # Another sender's row is not waited for: there is other work.
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is not None:
            lease = update(mails).where(mails.c.id == row.id)
            session.execute(lease.values(due_at=now + LEASE, attempts=row.attempts + 1))
        return row


def _done(database: Database, row: Row[Any]) -> None:
    # It was taken: whoever holds the lease by now, nobody may send it again.
    with database.transaction() as session:
        session.execute(delete(mails).where(mails.c.id == row.id))


def _postpone(database: Database, row: Row[Any], now: datetime, failure: Exception) -> None:
    delay = min(FIRST_DELAY * 2 ** min(row.attempts, 20), LONGEST_DELAY)
    log.warning("mail_not_sent", mail=row.id, attempts=row.attempts + 1, reason=str(failure))
    with database.transaction() as session:
        session.execute(
            update(mails)
            # Only while the lease is ours: who took it over has counted another attempt.
            .where(mails.c.id == row.id, mails.c.attempts == row.attempts + 1)
            .values(due_at=now + delay, error=str(failure))
        )


def _one_line(text: str) -> str:
    """Without line ends and other control characters, which end a header."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:LONGEST_SUBJECT]
