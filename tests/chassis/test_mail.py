"""The mail outbox against a real SMTP server: down, refusing, slow, breaking off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest

from services.chassis import mail, mail_queue, proofs
from services.chassis.config import Settings, SettingsError
from services.chassis.database import Database
from services.chassis.errors import Refusal
from services.chassis.mail_queue import Outbox
from services.chassis.people_tables import mail_tallies, mails
from services.chassis.people_tables import proofs as proof_table
from services.chassis.smtp import Address, NotTaken, ServerAway, SmtpTransport
from services.chassis.work import Work
from tests.chassis.parts import START, Parts, letter
from tests.chassis.post_office import PostOffice

ANNE, BRUNO = "anne@example.org", "bruno@example.org"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LONG = timedelta(days=1)
NOW = timedelta(0)


@pytest.fixture
def office() -> PostOffice:
    return PostOffice()


@pytest.fixture
def url(office: PostOffice) -> Iterator[str]:
    with office.open():
        yield office.url


@pytest.fixture
def parts(storage: str) -> Iterator[Parts]:
    made = Parts(storage, mail_from="Marathon <no-reply@example.org>")
    yield made
    made.close()


def write(
    parts: Parts,
    to: str = ANNE,
    subject: str = "Bonjour",
    text: str = "Texte.\n",
    good_for: timedelta | None = None,
) -> None:
    """Writes a letter; one that is good for a while holds a link."""
    ends = None if good_for is None else parts.clock.now() + good_for
    parts.within(lambda work: work.mail(to, letter(subject, text), ends))


def outbox(parts: Parts) -> Outbox:
    return Outbox("potter", parts.core.database)


def send(parts: Parts, url: str, later: timedelta = NOW, timeout_s: float = 5) -> int:
    transport = SmtpTransport(url, parts.settings.mail_from, timeout_s)
    now = parts.clock.now() + later
    return mail.send_due(outbox(parts), transport, lambda: now, 100, parts.settings.mail_from)


def carry(parts: Parts, carrier: mail.Transport, later: timedelta = NOW) -> int:
    return mail.send_due(outbox(parts), carrier, lambda: START + later)


def waiting(parts: Parts) -> list[tuple[str, int, timedelta]]:
    """(to, attempts, due in) of what is in the outbox and not parked."""
    rows = sorted(parts.rows(mails), key=lambda row: str(row.to))
    return [(row.to, row.attempts, row.due_at - START) for row in rows if row.parked_at is None]


def parked(parts: Parts) -> list[tuple[str, str, str]]:
    """(to, why, error) of what is parked."""
    rows = sorted(parts.rows(mails), key=lambda row: str(row.to))
    return [(row.to, row.parked_for, row.error) for row in rows if row.parked_at is not None]


# --- what is sent -------------------------------------------------------------------------


def test_mail_is_sent_after_its_transaction_and_then_gone(
    parts: Parts, url: str, office: PostOffice
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
    assert parts.rows(mails) == []
    assert send(parts, url) == 0
    assert len(office.given) == 1


def test_mail_has_a_text_and_an_html_part_in_seven_bits(
    parts: Parts, url: str, office: PostOffice
) -> None:
    write(parts, text="Bonjour Zoé,\n\nà bientôt.\n")
    send(parts, url)
    (message,) = office.given
    assert message.get_content_type() == "multipart/alternative"
    assert message["Content-Language"] == "fr"
    plain, html = message.iter_parts()
    assert plain.get_content().splitlines() == ["Bonjour Zoé,", "", "à bientôt."]
    assert "<p>Bonjour Zoé," in html.get_content()
    assert [part["Content-Transfer-Encoding"] for part in (plain, html)] == ["quoted-printable"] * 2
    assert max(message.as_bytes()) < 128


def test_mail_that_an_earlier_version_wrote_has_text_alone(
    parts: Parts, url: str, office: PostOffice
) -> None:
    write(parts)
    late = ("html", "language", "give_up_at")
    with parts.core.database.transaction() as session:
        session.execute(mails.update().values(dict.fromkeys(late)))
    office.answers[ANNE] = "451 later"
    assert send(parts, url) == 0
    office.answers.clear()
    assert send(parts, url, 10 * SECOND) == 1
    assert [message.get_content_type() for message in office.given] == ["text/plain"]


def test_mail_of_a_refused_command_is_never_sent(
    parts: Parts, url: str, office: PostOffice
) -> None:
    def command(work: Work) -> None:
        work.mail(ANNE, letter())
        raise Refusal("no", "Non.")

    assert parts.refused(command) == "no"
    assert send(parts, url) == 0
    assert office.given == []


ENDS = ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029", "\0"]


@pytest.mark.parametrize("end", ENDS)
def test_no_header_can_be_added(parts: Parts, url: str, office: PostOffice, end: str) -> None:
    write(parts, subject=f"Projet{end}Bcc: all@example.org{end}{end}corps")
    send(parts, url)
    (message,) = office.given
    assert message["Subject"] == "Projet Bcc: all@example.org corps"
    assert "Bcc" not in message
    for address in (
        f"{ANNE}{end}Bcc: b@example.org",
        f"a{end}b@example.org",
        f"a@exa{end}mple.org",
    ):
        code = parts.refused(partial(Work.mail, to=address, letter=letter()))
        assert code == "email_invalid"
    assert parts.rows(mails) == []


@pytest.mark.parametrize("end", ENDS)
def test_sender_that_would_add_a_header_stops_the_start(end: str) -> None:
    for sender in (
        f"M <a@example.org>{end}Bcc: b@example.org",
        f"M{end}X <a@example.org>",
        "nobody",
    ):
        with pytest.raises(SettingsError, match="MARATHON_MAIL_FROM"):
            mail.transport_of(Settings(mail_from=sender))


# --- down, for now, for good --------------------------------------------------------------


def test_server_that_is_down_at_first_gets_everything_once_it_is_back(
    parts: Parts, office: PostOffice
) -> None:
    for to in (ANNE, BRUNO):
        write(parts, to)
    ids = sorted(row.message_id for row in parts.rows(mails))
    assert send(parts, office.url) == 0
    # It is asked once for all: the second would have waited for the same.
    assert sorted(attempts for _, attempts, _ in waiting(parts)) == [0, 1]
    with office.open():
        assert send(parts, office.url, 10 * SECOND) == 2
    assert sorted(office.ids()) == ids
    assert parts.rows(mails) == []


def test_server_that_is_down_delays_more_and_more(parts: Parts, office: PostOffice) -> None:
    write(parts)
    delays = []
    for _ in range(12):
        assert send(parts, office.url, later=LONG) == 0
        ((_, attempts, due),) = waiting(parts)
        delays.append((due - LONG).total_seconds())
        with parts.core.database.transaction() as session:
            session.execute(mails.update().values(due_at=START))
    assert delays[:4] == [10, 20, 40, 80]
    assert (attempts, delays[-1]) == (12, 3600)
    (row,) = parts.rows(mails)
    assert row.error == "ConnectionRefusedError 111"
    with office.open():
        assert send(parts, office.url, later=LONG) == 1
    assert office.ids() == [row.message_id]


def test_link_that_somebody_waits_for_is_tried_every_two_minutes_at_least(
    parts: Parts, office: PostOffice
) -> None:
    write(parts, good_for=30 * MINUTE)
    at = NOW
    for _ in range(8):
        send(parts, office.url, later=at)
        ((_, _, due),) = waiting(parts)
        assert due - at <= 2 * MINUTE
        at = due


def test_what_no_server_takes_for_five_days_is_parked_whole(
    parts: Parts, office: PostOffice
) -> None:
    write(parts)
    almost = mail_queue.PATIENCE - SECOND
    send(parts, office.url, almost)
    # Not an hour later: the last try is at the bound.
    assert waiting(parts) == [(ANNE, 1, mail_queue.PATIENCE)]
    send(parts, office.url, mail_queue.PATIENCE)
    assert parked(parts) == [(ANNE, "undelivered", "ConnectionRefusedError 111")]
    (row,) = parts.rows(mails)
    assert (row.text, row.attempts) == ("Texte.\n", 2)
    with office.open():
        assert send(parts, office.url, mail_queue.PATIENCE + LONG) == 0
    assert office.given == []


def test_one_of_several_that_is_refused_for_good_is_parked_and_the_others_are_sent(
    parts: Parts, url: str, office: PostOffice
) -> None:
    office.answers[BRUNO] = "550 5.1.1 <bruno@example.org>: user Bruno unknown"
    for number, to in enumerate((ANNE, BRUNO, "chloe@example.org")):
        parts.clock.move_to(START + number * SECOND)
        write(parts, to)
    assert send(parts, url) == 2
    assert office.receivers() == [ANNE, "chloe@example.org"]
    # The server's own words name the address: not here.
    assert parked(parts) == [(BRUNO, "refused", "550 5.1.1 <…>: user … unknown")]
    # Not even much later.
    office.answers.clear()
    assert send(parts, url, 30 * LONG) == 0
    assert len(office.given) == 2


def test_refused_content_is_parked_and_the_next_is_sent_on_the_same_line(
    parts: Parts, url: str, office: PostOffice
) -> None:
    office.content_answer = "554 5.7.1 unwanted"
    write(parts)
    assert send(parts, url) == 0
    assert parked(parts) == [(ANNE, "refused", "554 5.7.1 unwanted")]
    office.content_answer = "250 taken"
    office.answers[ANNE] = "550 no"
    write(parts)
    parts.clock.move_by(SECOND)
    write(parts, BRUNO)
    assert send(parts, url) == 1


def test_refused_link_leaves_nothing_to_sign_in_with(
    parts: Parts, url: str, office: PostOffice
) -> None:
    office.answers[ANNE] = "550 no"
    write(parts, text="token=secret", good_for=30 * MINUTE)
    send(parts, url)
    (row,) = parts.rows(mails)
    assert (row.parked_for, row.text, row.html) == ("refused", "", None)
    assert "secret" not in repr(row)


def test_refused_letter_without_a_link_is_kept_whole(
    parts: Parts, url: str, office: PostOffice
) -> None:
    """A relay that refuses everybody may be ours, badly set: the letters are not lost with it."""
    office.answers[ANNE] = "550 5.7.1 relaying denied"
    write(parts, text="Votre projet est retenu.")
    send(parts, url)
    (row,) = parts.rows(mails)
    assert row.parked_for == "refused"
    assert row.text == "Votre projet est retenu."
    assert row.html


def test_receiver_that_is_refused_for_now_gets_it_later(
    parts: Parts, url: str, office: PostOffice
) -> None:
    office.once[ANNE] = "451 4.7.1 greylisted, come back"
    write(parts, ANNE)
    parts.clock.move_by(SECOND)
    write(parts, BRUNO)
    assert send(parts, url) == 1
    assert office.receivers() == [BRUNO]
    (row,) = parts.rows(mails)
    assert row.error == "451 4.7.1 greylisted, come back"
    assert waiting(parts) == [(ANNE, 1, 11 * SECOND)]
    assert send(parts, url, 9 * SECOND) == 0
    assert send(parts, url, 10 * SECOND) == 1
    assert office.ids()[1] == row.message_id


def test_server_that_closes_down_is_away_for_all(
    parts: Parts, url: str, office: PostOffice
) -> None:
    office.once[ANNE] = "421 4.3.2 closing"
    for to in (ANNE, BRUNO):
        write(parts, to)
        parts.clock.move_by(SECOND)
    assert send(parts, url) == 0
    assert [attempts for _, attempts, _ in waiting(parts)] == [1, 0]
    assert send(parts, url, MINUTE) == 2


@pytest.mark.parametrize("answer", ["451 come back later", "550 5.7.1 you may not send"])
def test_refused_sender_keeps_everything(
    parts: Parts, url: str, office: PostOffice, answer: str
) -> None:
    """That is about us, not about one mail: a wrong setting must not park them all."""
    office.sender_answer = answer
    write(parts, ANNE)
    assert send(parts, url) == 0
    assert waiting(parts) == [(ANNE, 1, 10 * SECOND)]
    assert [row.error for row in parts.rows(mails)] == [answer]
    office.sender_answer = "250 fine"
    assert send(parts, url, later=9 * SECOND) == 0
    assert send(parts, url, later=10 * SECOND) == 1


def test_slow_server_is_given_up_for_now(parts: Parts, url: str, office: PostOffice) -> None:
    office.sleeps = 0.6
    write(parts)
    began = time.monotonic()
    assert send(parts, url, timeout_s=0.2) == 0
    assert time.monotonic() - began < 2
    assert waiting(parts) == [(ANNE, 1, 10 * SECOND)]
    office.sleeps = 0
    assert send(parts, url, 10 * SECOND) == 1
    # It had the first one too, and was too slow to say so: the same mail.
    assert len(set(office.ids())) == 1


def test_line_cut_in_the_middle_of_a_mail_sends_it_again(
    parts: Parts, url: str, office: PostOffice
) -> None:
    office.breaks_in_the_middle = True
    write(parts)
    assert send(parts, url) == 0
    assert office.given == []
    assert waiting(parts) == [(ANNE, 1, 10 * SECOND)]
    office.breaks_in_the_middle = False
    assert send(parts, url, 10 * SECOND) == 1
    assert len(office.given) == 1


def test_line_cut_after_the_last_dot_sends_the_same_mail_again(
    parts: Parts, url: str, office: PostOffice
) -> None:
    """The server may have taken it, and nobody can know: twice here, with one Message-ID.

    Rather twice than never; mail programs that know the rule show one of them.
    """
    office.breaks_after_the_dot = True
    write(parts)
    assert send(parts, url) == 0
    assert waiting(parts) == [(ANNE, 1, 10 * SECOND)]
    office.breaks_after_the_dot = False
    assert send(parts, url, later=10 * SECOND) == 1
    first, second = office.given
    assert first.as_bytes() == second.as_bytes()
    assert parts.rows(mails) == []


# --- links and codes end ------------------------------------------------------------------


def test_link_that_ended_is_not_sent_but_dropped_and_counted(
    parts: Parts, url: str, office: PostOffice
) -> None:
    write(parts, ANNE, good_for=30 * MINUTE)
    write(parts, BRUNO)
    end = 30 * MINUTE
    assert mail_queue.purge(parts.core.database, START + end - SECOND)["expired"] == 0
    assert send(parts, url, end) == 1
    assert office.receivers() == [BRUNO]
    for _ in range(2):
        mail_queue.purge(parts.core.database, START + end)
    assert parts.rows(mails) == []
    assert [tuple(row) for row in parts.rows(mail_tallies)] == [(START.date(), "expired", 1)]


def test_losses_of_a_day_add_up_and_are_forgotten_in_the_end(parts: Parts) -> None:
    for _ in range(3):
        write(parts, good_for=MINUTE)
        parts.clock.move_by(2 * MINUTE)
        mail_queue.purge(parts.core.database, parts.clock.now())
    assert [tuple(row) for row in parts.rows(mail_tallies)] == [(START.date(), "expired", 3)]
    mail_queue.purge(parts.core.database, START + mail_queue.KEPT + LONG)
    assert parts.rows(mail_tallies) == []


def test_no_mail_is_kept_longer_than_was_said(parts: Parts, url: str, office: PostOffice) -> None:
    office.answers[ANNE] = "550 no"
    write(parts)
    send(parts, url)
    end = START + mail_queue.KEPT
    mail_queue.purge(parts.core.database, end - SECOND)
    assert len(parts.rows(mails)) == 1
    mail_queue.purge(parts.core.database, end)
    assert parts.rows(mails) == []
    assert [tuple(row) for row in parts.rows(mail_tallies)] == [(end.date(), "dropped", 1)]


def test_mail_that_nothing_can_write_does_not_stop_the_others(
    parts: Parts, url: str, office: PostOffice
) -> None:
    write(parts, ANNE)
    with parts.core.database.transaction() as session:
        session.execute(mails.update().values(subject="Bcc:\nx"))
    parts.clock.move_by(SECOND)
    write(parts, BRUNO)
    assert send(parts, url) == 1
    assert office.receivers() == [BRUNO]
    assert parked(parts) == [(ANNE, "unwritable", "ValueError")]


# --- several senders, and senders that die ------------------------------------------------


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
        threading.Thread(target=carry, args=(parts, carrier)) for carrier in carriers
    ]  # fmt: skip
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
        for later in (NOW, mail_queue.LEASE - SECOND):
            assert carry(parts, other, later) == 0

    write(parts)
    one = Carrier(meanwhile)
    assert carry(parts, one) == 1
    assert (one.carried, other.carried) == ([ANNE], [])


def test_mail_of_a_sender_that_died_is_sent_when_its_lease_is_over(parts: Parts) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    write(parts)
    with pytest.raises(KeyboardInterrupt):
        carry(parts, Carrier(die))
    other = Carrier()
    assert carry(parts, other, mail_queue.LEASE) == 1
    assert other.carried == [ANNE]


def test_failure_of_a_lost_lease_does_not_touch_the_new_holders(parts: Parts) -> None:
    def overtaken() -> None:
        carry(parts, Carrier(fail), mail_queue.LEASE)
        raise NotTaken("late")

    def fail() -> None:
        raise ServerAway("away")

    write(parts)
    carry(parts, Carrier(overtaken))
    (row,) = parts.rows(mails)
    assert (row.attempts, row.error) == (2, "away")
    assert row.due_at == START + mail_queue.LEASE + 20 * SECOND


def test_erased_persons_mails_are_taken_back_parked_or_not(
    parts: Parts, url: str, office: PostOffice
) -> None:
    office.answers["anne@example.org"] = "550 no"
    write(parts, ANNE)
    send(parts, url)
    write(parts, "Anne@Example.org")
    write(parts, BRUNO)
    key = parts.within(lambda work: work.person_key(ANNE))
    parts.within(lambda work: mail.forget(work, key))
    assert [row.to for row in parts.rows(mails)] == [BRUNO]


def test_loop_sends_cleans_up_and_survives_a_database_without_tables(
    parts: Parts, url: str, office: PostOffice, tmp_path: Path
) -> None:
    settings = Settings(
        secret=parts.settings.secret, database_url=parts.settings.database_url, smtp_url=url
    )
    write(parts, ANNE)
    # START is long past: the link has ended, the proof is a day over its time.
    write(parts, BRUNO, good_for=MINUTE)
    parts.within(lambda work: proofs.issue(work, "sign_in", ANNE, {}))
    with parts.core.database.transaction() as session:
        session.execute(mails.update().values(created_at=settings.clock().now()))
    empty = Database(f"sqlite:///{tmp_path}/empty.sqlite", settings)
    stop = threading.Event()
    outboxes = [Outbox("empty", empty), outbox(parts)]
    loop = threading.Thread(target=mail.run, args=(settings, outboxes, stop.is_set))
    loop.start()
    until = time.monotonic() + 10
    while (parts.rows(mails) or parts.rows(proof_table)) and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    loop.join(5)
    assert not loop.is_alive()
    empty.close()
    assert office.receivers() == [ANNE]
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
