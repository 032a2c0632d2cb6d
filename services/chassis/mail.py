"""The mail outbox: a mail is a row in the transaction of what caused it, sent after the commit.

It stays until an SMTP server took it, with the same Message-ID on every try. A sender claims
one mail at a time by a lease, so several senders never have the same one in hand; one that
dies leaves its mail to the others when the lease runs out. What can't be sent is tried again,
then parked where organisers see it (``mail_troubles``); what holds a link or a code goes when
that expires.

``MARATHON_SMTP_URL`` says where they go: ``smtp://``, ``smtp+tls://`` or ``smtps://`` a server
(``smtp``), ``folder:PATH`` into files (``mail_folder``, for the demonstration and tests).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from sqlalchemy import Row, delete
from sqlalchemy.exc import DBAPIError

from services.chassis import limiter, mail_queue, mail_troubles, metrics, proofs
from services.chassis.config import Settings, SettingsError
from services.chassis.errors import Invalid
from services.chassis.letters import Letter, one_line
from services.chassis.mail_folder import FolderTransport, folder_of
from services.chassis.mail_queue import Outbox
from services.chassis.people import address, canonical_email, person_key
from services.chassis.people_tables import mails
from services.chassis.smtp import NotSent, Refused, ServerAway, SmtpTransport

if TYPE_CHECKING:
    from services.chassis.work import Work

log = structlog.get_logger()

LONGEST_SUBJECT = 250
BATCH = 100
PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
PURGE_EVERY_S = 60.0
MEASURE_EVERY_S = 10.0

Now = Callable[[], datetime]


class Unwritable(NotSent):
    """Nothing can make a mail of it."""


FOR_GOOD = {Refused: mail_queue.REFUSED, Unwritable: mail_queue.UNWRITABLE}
"""What is not tried again, and as what it is parked."""


class Transport(Protocol):
    """What carries a mail away."""

    def send(self, message: EmailMessage, to: str) -> None:
        """Returns once a server took it; raises ``ServerAway``, ``NotTaken`` or ``Refused``."""
        ...

    def close(self) -> None:
        """Ends the connection, if there is one."""
        ...


def transport_of(settings: Settings) -> SmtpTransport | FolderTransport:
    """What carries this instance's mails. Raises ``SettingsError`` for what can't be meant."""
    _check_sender(settings.mail_from)
    folder = folder_of(settings.smtp_url)
    if folder is not None:
        return FolderTransport(folder)
    return SmtpTransport(settings.smtp_url, settings.mail_from)


def _check_sender(sender: str) -> None:
    """A sender that can't be written in a header would stop every mail."""
    try:
        fine = sender.isprintable() and bool(address(parseaddr(sender)[1]))
    except Invalid:
        fine = False
    if not fine:
        raise SettingsError(
            "MARATHON_MAIL_FROM must look like no-reply@example.org or Name <no-reply@example.org>"
        )


def enqueue(work: Work, to: str, letter: Letter, expires_at: datetime | None = None) -> None:
    """Puts a mail in the outbox, in this transaction. Raises ``Invalid("email_invalid")``.

    ``expires_at`` is when the link or code in it ends: it is never sent, nor kept, after that.
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
            subject=one_line(letter.subject)[:LONGEST_SUBJECT],
            text=letter.text,
            html=letter.html,
            language=letter.language,
            created_at=work.now,
            due_at=work.now,
            expires_at=expires_at,
            give_up_at=work.now + mail_queue.PATIENCE,
            attempts=0,
        )
    )


def forget(work: Work, key: str) -> None:
    """Takes back what still waits for a person who is erased (RULES D2)."""
    work.session.execute(delete(mails).where(mails.c.person_key == key))


def message_of(row: Row[Any], sender: str) -> EmailMessage:
    """The mail as it is sent: the same bytes on every try.

    Quoted-printable throughout, for a server that takes seven bits only.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = row.to
    message["Subject"] = row.subject
    message["Date"] = format_datetime(row.created_at)
    message["Message-ID"] = row.message_id
    # Tells holiday responders and mailing lists not to answer (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(row.text, cte="quoted-printable")
    # A mail that an earlier version put here has text alone.
    if row.html is not None:
        message.add_alternative(row.html, subtype="html", cte="quoted-printable")
        # Python's own is another each time; "=_" never stands in quoted-printable.
        message.set_boundary(f"=_{row.id}")
    if row.language is not None:
        message["Content-Language"] = row.language
    return message


def send_due(
    outbox: Outbox, transport: Transport, now: Now, limit: int = BATCH, sender: str = ""
) -> int:
    """Sends up to ``limit`` mails that are due; answers how many a server took.

    Stops at once when the server can't be had: the others would wait for the same. Raises
    ``DBAPIError`` when the database is away.
    """
    taken = 0
    try:
        for _ in range(limit):
            row = mail_queue.claim(outbox.database, now())
            if row is None:
                break
            try:
                transport.send(_written(row, sender or Settings.mail_from), row.to)
            except NotSent as failure:
                _not_sent(outbox, row, now(), failure)
                if isinstance(failure, ServerAway):
                    break
            else:
                mail_queue.sent(outbox.database, row)
                taken += 1
    finally:
        transport.close()
        metrics.mails_sent(outbox.service, taken)
    return taken


def _written(row: Row[Any], sender: str) -> EmailMessage:
    try:
        message = message_of(row, sender)
        message.as_bytes()
    except (ValueError, MessageError) as error:
        # One mail that nothing can write must not stop those behind it.
        raise Unwritable(type(error).__name__) from error
    return message


def _not_sent(outbox: Outbox, row: Row[Any], now: datetime, failure: NotSent) -> None:
    why = FOR_GOOD.get(type(failure))
    parked = why is not None
    if why is not None:
        mail_queue.park(outbox.database, row, now, why, failure.reply)
    else:
        parked = mail_queue.put_off(outbox.database, row, now, failure.reply)
    metrics.mail_failed(outbox.service, "parked" if parked else "put off")
    log.warning(
        "mail_parked" if parked else "mail_not_sent",
        service=outbox.service,
        mail=row.id,
        attempts=row.attempts + 1,
        reason=str(failure),
    )


def run(settings: Settings, outboxes: Iterable[Outbox], stop: Callable[[], bool]) -> None:
    """Sends what is due in these outboxes until ``stop()``, and drops what is of no use.

    Any number of these loops may run at once. Neither a server nor a database that is away
    ends it: both are asked again, less and less often.
    """
    now, every = settings.clock().now, list(outboxes)
    purging, measuring = Chore(PURGE_EVERY_S, _purge), Chore(MEASURE_EVERY_S, _measure)
    pause = PAUSE_S
    while not stop():
        fine = [_pass(settings, outbox, now) for outbox in every]
        pause = PAUSE_S if all(fine) else min(pause * 2, LONGEST_PAUSE_S)
        purging.when_due(every, now)
        measuring.when_due(every, now)
        _wait(pause, stop)


class Chore:
    """What is done with every outbox now and then; again at once if it could not be done."""

    def __init__(self, every_s: float, run: Callable[[Outbox, datetime], None]) -> None:
        self.every_s = every_s
        self.run = run
        self.done_at = float("-inf")

    def when_due(self, outboxes: list[Outbox], now: Now) -> None:
        """Does it if it was not done lately, by the machine's own clock."""
        if time.monotonic() - self.done_at < self.every_s:
            return
        done = [self._done(outbox, now()) for outbox in outboxes]
        self.done_at = time.monotonic() if all(done) else self.done_at

    def _done(self, outbox: Outbox, now: datetime) -> bool:
        try:
            self.run(outbox, now)
        except DBAPIError as error:
            log.warning("chore_failed", chore=self.run.__name__, error=type(error).__name__)
            return False
        return True


def _pass(settings: Settings, outbox: Outbox, now: Now) -> bool:
    """One look at one outbox; whether nothing stood in the way."""
    transport = transport_of(settings)
    try:
        sent = send_due(outbox, transport, now, BATCH, settings.mail_from)
    except DBAPIError as error:
        log.warning("mail_outbox_away", service=outbox.service, error=type(error).__name__)
        return False
    if sent:
        log.info("mails_sent", service=outbox.service, count=sent)
    return not transport.was_away


def _purge(outbox: Outbox, now: datetime) -> None:
    """Drops expired mails, proofs and limits."""
    counts = mail_queue.purge(outbox.database, now)
    for outcome, number in counts.items():
        metrics.mails_dropped(outbox.service, outcome, number)
        if number:
            log.warning("mails_dropped", service=outbox.service, outcome=outcome, count=number)
    with outbox.database.transaction() as session:
        limiter.purge(session, now)
        proofs.purge(session, now)


def _measure(outbox: Outbox, now: datetime) -> None:
    """Shows the operator how many mails wait, for how long, and how many are parked."""
    with outbox.database.transaction() as session:
        found = mail_troubles.figures(session, now)
    oldest = found["oldest_at"]
    age = (now - oldest).total_seconds() if oldest else 0.0
    metrics.mails_waiting(outbox.service, found["waiting"], age)
    metrics.mails_parked(outbox.service, found["parked"])


def _wait(seconds: float, stop: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not stop() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))
