"""``marathon run mail`` as a real process: killed in the middle, no mail is lost."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis import mail_queue, migrations
from services.chassis.clock import MovableClock
from services.chassis.config import SERVICES, Settings
from services.chassis.letters import Letter
from services.chassis.people_tables import mails
from services.chassis.runner import make_core
from services.chassis.work import Work
from tests.chassis.post_office import PostOffice
from tests.instance import MARATHON, Process, free_port, run_marathon

SECRET = "a secret for tests that is long enough"
WRITERS = ("registration", "voting")


class MailProcess:
    """One process that sends mails, over databases that it shares with the test."""

    def __init__(self, folder: Path, database_url: str, smtp_url: str) -> None:
        self.health_port = free_port()
        self.log = folder / "mail.log"
        self.clock = MovableClock(folder / "clock")
        self.env = {
            **os.environ,
            "MARATHON_SECRET": SECRET,
            "MARATHON_DATABASE_URL": database_url,
            "MARATHON_DATA_DIR": str(folder / "data"),
            "MARATHON_CLOCK_FILE": str(folder / "clock"),
            "MARATHON_SMTP_URL": smtp_url,
            "MARATHON_HEALTH_PORT": str(self.health_port),
        }
        self.settings = Settings.from_env(self.env)
        for service in SERVICES:
            migrations.upgrade(service, self.settings)
        self.cores = {service: make_core(service, self.settings) for service in WRITERS}
        self.process: Process | None = None

    def start(self) -> None:
        self.process = Process("mail", [*MARATHON, "run", "mail"], self.env, self.log)

    def kill(self) -> None:
        """As the machine's end would."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> int:
        """Tells it to end; answers its exit code."""
        assert self.process is not None
        return self.process.halt()

    def write(self, count: int) -> set[str]:
        """Writes letters in the services' names; answers the Message-IDs of all that wait."""
        letter = Letter("Bonjour", "Texte.\n", "<p>Texte.</p>\n")
        for number in range(count):
            core = self.cores[WRITERS[number % 2]]
            address = f"person{number}@example.org"
            core.within(partial(Work.mail, to=address, letter=letter))
        return {row.message_id for row in self.waiting()}

    def waiting(self) -> list[Any]:
        """All that is in the outboxes."""
        rows: list[Any] = []
        for core in self.cores.values():
            with core.database.transaction() as session:
                rows += session.execute(select(mails)).all()
        return rows

    def metric(self, line: str) -> float | None:
        """A figure that the process shows, once it does."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.health_port}/metrics", timeout=5
            ) as answer:
                text: str = answer.read().decode()
        except OSError:
            return None
        found = [each.rsplit(" ", 1)[1] for each in text.splitlines() if each.startswith(line)]
        return float(found[0]) if found else None

    def until(self, condition: Callable[[], Any], seconds: float = 40) -> None:
        """Waits until it is so; fails with the end of the log."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            time.sleep(0.02)

    def close(self) -> None:
        self.kill()
        for core in self.cores.values():
            core.database.close()


@pytest.fixture
def office() -> PostOffice:
    return PostOffice()


@pytest.fixture
def mailing(tmp_path: Path, bare_storage: str, office: PostOffice) -> Iterator[MailProcess]:
    made = MailProcess(tmp_path, bare_storage, office.url)
    yield made
    made.close()
    for service in SERVICES:
        migrations.downgrade(service, made.settings)


def test_killed_in_the_middle_again_and_again_it_loses_nothing(
    mailing: MailProcess, office: PostOffice
) -> None:
    """Each time it is killed while the server has a mail and has not said so: that one comes
    twice, under one Message-ID, when the dead sender's lease is over; no other does."""
    wanted = mailing.write(12)
    assert len(wanted) == 12
    kills = 3
    with office.open():
        office.sleeps = 3.0
        for _ in range(kills):
            office.came.clear()
            mailing.start()
            mailing.until(office.came.is_set)
            mailing.kill()
        office.sleeps = 0.0
        mailing.start()
        mailing.until(lambda: len(mailing.waiting()) <= kills)
        mailing.clock.move_to(mailing.clock.now() + mail_queue.LEASE + timedelta(seconds=1))
        mailing.until(lambda: not mailing.waiting())
        assert mailing.stop() == 0
    assert set(office.ids()) == wanted
    assert len(office.ids()) == len(wanted) + kills


def test_started_before_its_server_it_sends_all_once_that_is_there(
    mailing: MailProcess, office: PostOffice
) -> None:
    wanted = mailing.write(3)
    mailing.start()
    mailing.until(lambda: any(row.attempts for row in mailing.waiting()))
    # The ops team sees it before anybody complains.
    waits = 'marathon_mails_waiting{service="registration"}'
    mailing.until(lambda: mailing.metric(waits) == 2)
    age = mailing.metric('marathon_mails_oldest_seconds{service="registration"}')
    assert age is not None and 0 < age < 60
    # Each service's figures are shown when its outbox was first looked at.
    none_parked = 'marathon_mails_parked{reason="refused",service="voting"}'
    mailing.until(lambda: mailing.metric(none_parked) == 0)
    with office.open():
        mailing.clock.move_to(mailing.clock.now() + timedelta(minutes=5))
        mailing.until(lambda: not mailing.waiting())
        mailing.until(lambda: mailing.metric(waits) == 0)
        assert mailing.metric('marathon_mails_sent_total{service="registration"}') == 2
    assert set(office.ids()) == wanted
    assert mailing.stop() == 0


def test_refused_mail_is_parked_while_the_others_go(
    mailing: MailProcess, office: PostOffice
) -> None:
    office.answers["person1@example.org"] = "550 5.1.1 person1 unknown"
    mailing.write(4)
    with office.open():
        mailing.start()
        mailing.until(lambda: len(mailing.waiting()) == 1)
        mailing.until(lambda: mailing.waiting()[0].parked_for == "refused")
        parked = 'marathon_mails_parked{reason="refused",service="voting"}'
        mailing.until(lambda: mailing.metric(parked) == 1)
        assert mailing.stop() == 0
    assert mailing.waiting()[0].error == "550 5.1.1 … unknown"
    # What the process writes down names nobody.
    assert "person1" not in mailing.log.read_text()


@pytest.mark.parametrize(
    ("name", "value"),
    [("MARATHON_MAIL_FROM", "Marathon"), ("MARATHON_SMTP_URL", "mail.example.org")],
)
def test_setting_that_can_t_be_meant_is_said_at_once(tmp_path: Path, name: str, value: str) -> None:
    env = {**os.environ, "MARATHON_DATA_DIR": str(tmp_path), "MARATHON_SECRET": SECRET, name: value}
    done = run_marathon("run", "mail", env=env, timeout=60)
    assert done.returncode == 1
    assert name in done.stderr
    assert "Traceback" not in done.stderr
