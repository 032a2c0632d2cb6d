"""Mails as files: whole or not there, the same file however often they are sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.chassis import mail
from services.chassis.config import Settings, SettingsError
from services.chassis.mail_folder import FolderTransport, Mailbox
from services.chassis.mail_queue import Outbox
from services.chassis.paging import Page
from services.chassis.people_tables import mails
from services.chassis.smtp import SmtpTransport
from tests.chassis.parts import START, Parts, letter

ANNE, BRUNO = "anne@example.org", "bruno@example.org"


@pytest.fixture
def parts(storage: str) -> Iterator[Parts]:
    made = Parts(storage, mail_from="Marathon <no-reply@example.org>")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "mails"


def write(parts: Parts, to: str = ANNE, text: str = "Texte.\n") -> None:
    parts.within(lambda work: work.mail(to, letter("Votre lien – été", text)))


def send(parts: Parts, folder: Path, later: timedelta = timedelta(0)) -> int:
    transport = FolderTransport(folder)
    now = parts.clock.now() + later
    outbox = Outbox("potter", parts.core.database)
    return mail.send_due(outbox, transport, lambda: now, 100, parts.settings.mail_from)


def test_address_chooses_the_transport() -> None:
    for url, kind in [("folder:a/b", FolderTransport), ("smtp://127.0.0.1", SmtpTransport)]:
        assert type(mail.transport_of(Settings(smtp_url=url))) is kind
    relative = mail.transport_of(Settings(smtp_url="folder:a/b"))
    assert isinstance(relative, FolderTransport)
    assert relative.folder == Path("a/b")
    for wrong in ("folder:", "folders:/x", "/x"):
        with pytest.raises(SettingsError):
            mail.transport_of(Settings(smtp_url=wrong))


def test_mail_is_one_file_and_read_as_it_was_written(parts: Parts, folder: Path) -> None:
    text = "Bonjour Zoé,\n\n" + "http://127.0.0.1:8000/connexion/lien?token=" + "x" * 200 + "\n"
    write(parts, text=text)
    (row,) = parts.rows(mails)
    assert send(parts, folder) == 1
    assert parts.rows(mails) == []
    assert [path.name for path in folder.iterdir()] == [f"{row.id}@example.org.eml"]
    (read,) = Mailbox(folder).newest(Page(10))["items"]
    assert read.html == f"<p>{text}</p>\n"
    assert (read.id, read.to, read.subject, read.text, read.sent_at) == (
        f"{row.id}@example.org",
        ANNE,
        "Votre lien – été",
        text,
        START,
    )


def test_mail_sent_twice_is_the_same_file(parts: Parts, folder: Path) -> None:
    write(parts)
    (row,) = parts.rows(mails)
    message = mail.message_of(row, parts.settings.mail_from)
    for _ in range(2):
        FolderTransport(folder).send(message, row.to)
        (path,) = folder.iterdir()
        assert path.read_bytes() == message.as_bytes()


def test_folder_that_cannot_be_written_keeps_the_mails(parts: Parts, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    write(parts)
    assert send(parts, in_the_way) == 0
    (row,) = parts.rows(mails)
    assert (row.attempts, row.error) == (1, "FileExistsError 17")
    in_the_way.unlink()
    assert send(parts, in_the_way, timedelta(seconds=10)) == 1
    assert len(list(in_the_way.iterdir())) == 1


def test_write_that_fails_leaves_nothing_behind(parts: Parts, folder: Path) -> None:
    write(parts)
    (row,) = parts.rows(mails)
    in_the_way = folder / f"{row.id}@example.org.eml"
    in_the_way.mkdir(parents=True)
    assert send(parts, folder) == 0
    assert list(folder.iterdir()) == [in_the_way]
    in_the_way.rmdir()
    assert send(parts, folder, timedelta(seconds=10)) == 1


def test_name_of_a_file_cannot_leave_the_folder(parts: Parts, folder: Path) -> None:
    write(parts)
    with parts.core.database.transaction() as session:
        session.execute(mails.update().values(message_id="<../../x@example.org>"))
    assert send(parts, folder) == 1
    assert [path.name for path in folder.iterdir()] == ["..%2F..%2Fx@example.org.eml"]


def test_mailbox_gives_only_what_is_whole(parts: Parts, folder: Path) -> None:
    mailbox = Mailbox(folder)
    assert mailbox.newest(Page(10))["items"] == []
    write(parts, ANNE)
    write(parts, BRUNO)
    send(parts, folder)
    (folder / ".half.part").write_text("To: anne")
    assert sorted(each.to for each in mailbox.newest(Page(10))["items"]) == [ANNE, BRUNO]
    assert [each.to for each in mailbox.newest(Page(10), BRUNO.upper())["items"]] == [BRUNO]
    assert len(mailbox.newest(Page(1))["items"]) == 1


def test_loop_writes_into_the_folder(parts: Parts, folder: Path) -> None:
    settings = replace(parts.settings, smtp_url=f"folder:{folder}")
    write(parts)
    stop = threading.Event()
    outboxes = [Outbox("potter", parts.core.database)]
    loop = threading.Thread(target=mail.run, args=(settings, outboxes, stop.is_set))
    loop.start()
    until = time.monotonic() + 10
    while parts.rows(mails) and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    loop.join(5)
    assert not loop.is_alive()
    assert [each.to for each in Mailbox(folder).newest(Page(10))["items"]] == [ANNE]
