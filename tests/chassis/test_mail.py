"""The mail outbox against a real SMTP server: down, refusing, slow, dying after DATA."""
# ruff: noqa: N802 - aiosmtpd calls its hooks by the SMTP command

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from services.chassis import mail, proofs
from services.chassis.config import Settings, SettingsError
from services.chassis.database import Database
from services.chassis.errors import Refusal
from services.chassis.people_tables import mails
from services.chassis.people_tables import proofs as proof_table
from services.chassis.smtp import Address, NotTaken, ServerAway, SmtpTransport
from services.chassis.work import Work
from tests.chassis.parts import START, Parts

ANNE, BRUNO = "anne@example.org", "bruno@example.org"
LONG = timedelta(days=1)


class Office:
    """What the SMTP server does with mail; it keeps all it was given."""

    def __init__(self) -> None:
        self.given: list[EmailMessage] = []
        self.unknown: set[str] = set()
        self.dies = False
        self.sleeps = 0.0
        self.sender_refused = False

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:
        if self.sender_refused:
            return "451 come back later"
        envelope.mail_from = rest[0]
        return "250 fine"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:
        if rest[0] in self.unknown:
            return f"550 no {rest[0]} here"
        envelope.rcpt_tos.append(rest[0])
        return "250 fine"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.given.append(message)
        await asyncio.sleep(self.sleeps)
        if self.dies:
            server.transport.abort()
        return "250 taken"

    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.given]


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def url(office: Office) -> Iterator[str]:
    controller = Controller(office, hostname="127.0.0.1", port=_free_port())
    controller.start()
    yield f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


@pytest.fixture
def parts(storage: str) -> Iterator[Parts]:
    made = Parts(storage, mail_from="Marathon <no-reply@example.org>")
    yield made
    made.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def write(parts: Parts, to: str = ANNE, subject: str = "Bonjour", text: str = "Texte.\n") -> None:
    parts.within(lambda work: work.mail(to, subject, text))


def send(parts: Parts, url: str, later: timedelta = timedelta(0), timeout_s: float = 5) -> int:
    transport = SmtpTransport(url, parts.settings.mail_from, timeout_s)
    now = parts.clock.now() + later
    return mail.send_due(parts.core.database, transport, now, 100, parts.settings.mail_from)


def waiting(parts: Parts) -> list[tuple[str, int, timedelta]]:
    """(to, attempts, due in) of what is in the outbox."""
    rows = sorted(parts.rows(mails), key=lambda row: str(row.to))
    return [(row.to, row.attempts, row.due_at - START) for row in rows]


def test_mail_is_sent_after_its_transaction_and_then_gone(
    parts: Parts, url: str, office: Office
) -> None:
    write(parts, subject="Votre lien – été", text="Bonjour Zoé,\n\nà bientôt.\n")
    (row,) = parts.rows(mails)
    assert send(parts, url) == 1
    (message,) = office.given
    assert [message[name] for name in ("From", "To", "Subject", "Message-ID", "Date")] == [
        "Marathon <no-reply@example.org>",
        ANNE,
        "Votre lien – été",
        f"<{row.id}@example.org>",
        "Mon, 02 Mar 2026 09:00:00 +0000",
    ]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().split("\r\n") == ["Bonjour Zoé,", "", "à bientôt.", ""]
    assert parts.rows(mails) == []
    assert send(parts, url) == 0
    assert len(office.given) == 1


def test_mail_of_a_refused_command_is_never_sent(parts: Parts, url: str, office: Office) -> None:
    def command(work: Work) -> None:
        work.mail(ANNE, "Bonjour", "Texte.")
        raise Refusal("no", "Non.")

    assert parts.refused(command) == "no"
    assert send(parts, url) == 0
    assert office.given == []


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\0"])
def test_no_header_can_be_added(parts: Parts, url: str, office: Office, end: str) -> None:
    write(parts, subject=f"Projet{end}Bcc: all@example.org{end}{end}corps")
    send(parts, url)
    (message,) = office.given
    assert message["Subject"] == "Projet Bcc: all@example.org corps"
    assert "Bcc" not in message
    code = parts.refused(lambda work: work.mail(f"{ANNE}{end}Bcc: b@example.org", "x", "y"))
    assert code == "email_invalid"
    assert parts.rows(mails) == []


def test_server_that_is_down_delays_more_and_more(parts: Parts, url: str, office: Office) -> None:
    nowhere = f"smtp://127.0.0.1:{_free_port()}"
    write(parts)
    delays = []
    for _ in range(12):
        assert send(parts, nowhere, later=LONG) == 0
        ((_, attempts, due),) = waiting(parts)
        delays.append((due - LONG).total_seconds())
        with parts.core.database.transaction() as session:
            session.execute(mails.update().values(due_at=START))
    assert delays[:4] == [10, 20, 40, 80]
    assert (attempts, delays[-1]) == (12, 3600)
    (row,) = parts.rows(mails)
    assert row.error == "ConnectionRefusedError 111"
    assert send(parts, url, later=LONG) == 1
    assert office.ids() == [row.message_id]


def test_server_that_is_down_is_asked_once_for_all(parts: Parts) -> None:
    for to in (ANNE, BRUNO):
        write(parts, to)
    assert send(parts, f"smtp://127.0.0.1:{_free_port()}") == 0
    assert sorted(attempts for _, attempts, _ in waiting(parts)) == [0, 1]


def test_refused_receiver_does_not_hold_up_the_others(
    parts: Parts, url: str, office: Office
) -> None:
    office.unknown = {ANNE}
    write(parts, ANNE)
    parts.clock.move_by(timedelta(seconds=1))
    write(parts, BRUNO)
    assert send(parts, url) == 1
    assert [message["To"] for message in office.given] == [BRUNO]
    assert waiting(parts) == [(ANNE, 1, timedelta(seconds=11))]
    # Kind and code: the server's own words name the address.
    assert [row.error for row in parts.rows(mails)] == ["SMTPRecipientsRefused 550"]


def test_refused_sender_keeps_everything(parts: Parts, url: str, office: Office) -> None:
    office.sender_refused = True
    write(parts, ANNE)
    assert send(parts, url) == 0
    assert waiting(parts) == [(ANNE, 1, timedelta(seconds=10))]
    office.sender_refused = False
    assert send(parts, url, later=timedelta(seconds=9)) == 0
    assert send(parts, url, later=timedelta(seconds=10)) == 1


def test_slow_server_is_given_up_for_now(parts: Parts, url: str, office: Office) -> None:
    office.sleeps = 0.6
    write(parts)
    began = time.monotonic()
    assert send(parts, url, timeout_s=0.2) == 0
    assert time.monotonic() - began < 2
    assert waiting(parts) == [(ANNE, 1, timedelta(seconds=10))]


def test_server_that_dies_after_data_gets_the_same_message_again(
    parts: Parts, url: str, office: Office
) -> None:
    office.dies = True
    write(parts)
    assert send(parts, url) == 0
    assert waiting(parts) == [(ANNE, 1, timedelta(seconds=10))]
    office.dies = False
    assert send(parts, url, later=timedelta(seconds=10)) == 1
    first, second = office.given
    assert first.as_bytes() == second.as_bytes()
    assert parts.rows(mails) == []


class Carrier:
    """A transport that notes what it carries and holds each mail for a while."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.carried: list[str] = []
        self.before = before

    def send(self, message: EmailMessage, to: str) -> None:
        self.before()
        self.carried.append(to)

    def close(self) -> None:
        pass


def test_several_senders_share_the_work_and_send_nothing_twice(parts: Parts) -> None:
    for number in range(12):
        write(parts, f"anne{number}@example.org")
    carriers = [Carrier(lambda: time.sleep(0.02)) for _ in range(4)]
    threads = [
        threading.Thread(target=mail.send_due, args=(parts.core.database, carrier, START, 100))
        for carrier in carriers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    carried = [to for carrier in carriers for to in carrier.carried]
    assert sorted(carried) == sorted(f"anne{number}@example.org" for number in range(12))
    assert sum(bool(carrier.carried) for carrier in carriers) > 1
    assert parts.rows(mails) == []


def test_mail_in_hand_is_nobody_elses_until_the_lease_is_over(parts: Parts) -> None:
    other = Carrier()

    def meanwhile() -> None:
        for later in (timedelta(0), mail.LEASE - timedelta(seconds=1)):
            assert mail.send_due(parts.core.database, other, START + later, 10) == 0

    write(parts)
    one = Carrier(meanwhile)
    assert mail.send_due(parts.core.database, one, START, 10) == 1
    assert (one.carried, other.carried) == ([ANNE], [])


def test_mail_of_a_sender_that_died_is_sent_when_its_lease_is_over(parts: Parts) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    write(parts)
    with pytest.raises(KeyboardInterrupt):
        mail.send_due(parts.core.database, Carrier(die), START, 10)
    other = Carrier()
    assert mail.send_due(parts.core.database, other, START + LONG, 10) == 1
    assert other.carried == [ANNE]


def test_failure_of_a_lost_lease_does_not_touch_the_new_holders(parts: Parts) -> None:
    def overtaken() -> None:
        mail.send_due(parts.core.database, Carrier(fail), START + mail.LEASE, 10)
        raise NotTaken("late")

    def fail() -> None:
        raise ServerAway("away")

    write(parts)
    mail.send_due(parts.core.database, Carrier(overtaken), START, 10)
    (row,) = parts.rows(mails)
    assert (row.attempts, row.error) == (2, "away")
    assert row.due_at == START + mail.LEASE + timedelta(seconds=20)


def test_erased_persons_mails_are_taken_back(parts: Parts) -> None:
    write(parts, "Anne@Example.org")
    write(parts, BRUNO)
    key = parts.within(lambda work: work.person_key(ANNE))
    parts.within(lambda work: mail.forget(work, key))
    assert [row.to for row in parts.rows(mails)] == [BRUNO]


def test_loop_sends_cleans_up_and_survives_a_database_without_tables(
    parts: Parts, url: str, office: Office, tmp_path: Path
) -> None:
    settings = Settings(
        secret=parts.settings.secret, database_url=parts.settings.database_url, smtp_url=url
    )
    write(parts)
    parts.within(lambda work: proofs.issue(work, "sign_in", ANNE, {}))
    empty = Database(f"sqlite:///{tmp_path}/empty.sqlite", settings)
    stop = threading.Event()
    databases = [empty, parts.core.database]
    loop = threading.Thread(target=mail.run, args=(settings, databases, stop.is_set))
    loop.start()
    until = time.monotonic() + 10
    # START is long past: the proof is a day over its time.
    while (parts.rows(mails) or parts.rows(proof_table)) and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    loop.join(5)
    assert not loop.is_alive()
    empty.close()
    assert len(office.given) == 1
    assert (parts.rows(mails), parts.rows(proof_table)) == ([], [])


def test_addresses_of_servers() -> None:
    assert Address.of("smtp://mail.example.org") == Address(
        "smtp", "mail.example.org", 25, None, ""
    )
    assert Address.of("smtp+tls://me%40example.org:p%3Aw@mail.example.org") == Address(
        "smtp+tls", "mail.example.org", 587, "me@example.org", "p:w"
    )
    assert Address.of("smtps://mail.example.org:4465").port == 4465
    for wrong in ("mail.example.org", "http://mail.example.org", "smtp://me:pw@mail.example.org"):
        with pytest.raises(SettingsError):
            Address.of(wrong)
    assert "p:w" not in repr(Address.of("smtps://me:p%3Aw@mail.example.org"))
