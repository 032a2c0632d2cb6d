"""After the hold nothing that is kept links voter and choice; and the search finds what would.

Voters by mail (over keys that are repeated), in batches, on paper; some vote again, a batch is
parked and replayed, somebody is erased. Then everything is searched: see ``leaks.py``.
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from services.chassis import mail_queue, parked
from services.chassis.people import canonical_email
from services.chassis.people_tables import mails
from services.chassis.tables import idempotency, outbox
from services.voting import codes as paper
from services.voting import intake, passes, unlinking
from services.voting.messages_ballots import BALLOTS
from services.voting.tables import Code
from tests.voting.leaks import (
    Voter,
    dump_of,
    dumped_rows,
    in_bytes,
    in_order,
    in_rows,
    in_text,
    rows_of,
)
from tests.voting.stage import CLOSES, NOBODY, Stage, on_sqlite
from tests.voting.test_intake import batch, secret_of, settled, take

CLOSED = CLOSES + timedelta(hours=5)
HOLD = timedelta(days=7)
PROJECTS = ("bakery", "garden", "wool")
EACH = 24
"""So many voters by each way."""


class Town:
    """Everybody who votes, and what only they know."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rng = random.Random(11)
        self.poll = stage.opened(*PROJECTS)
        self.secret = secret_of(stage)
        self.came: list[Voter] = []

    def vote(self) -> None:
        self.on_paper()
        for number in range(EACH):
            self.later()
            self.by_mail(f"Resident.{number}@town{number}.example.org")
        self.in_batches()
        for voter in self.came[EACH : EACH + 8]:
            self.later()
            self.again(voter)

    def later(self) -> None:
        self.stage.troupe.clock.move_by(timedelta(seconds=self.rng.randrange(1, 90)))

    def choose(self) -> str:
        return self.rng.choice(PROJECTS)

    def by_mail(self, email: str) -> None:
        """As a program does: with a key for each command, and some of them twice."""
        call, poll, choice = self.stage.voting.call, self.poll, self.choose()
        asked = {"poll": poll, "email": email, "commune": "elsewhere", "project": choice}
        call("request_ballot", asked | {"ip": "192.0.2.7"}, actor=NOBODY, key=f"ask-{email}")
        with self.stage.voting.session() as session:
            query = select(mails).where(mails.c.to == email)
            letter = session.execute(query).one().text
        token = re.findall(r"token=([\w-]+)", letter)[0]
        proof = {"poll": poll, "token": token}
        for _ in range(2):
            given = call("exchange_proof", proof, actor=NOBODY, key=f"exchange-{email}")
        person = self.stage.voting.within(lambda work: work.person_key(email))
        voter = Voter(passes.voter_key(self.secret, person), choice)
        voter.known_by = {email, canonical_email(email), person, token, given["pass"]}
        self.cast(voter, {"pass": given["pass"]})
        self.came.append(voter)

    def again(self, voter: Voter) -> None:
        voter.choice = self.choose()
        (given,) = [each for each in voter.known_by if "." in each and len(each) > 200]
        self.cast(voter, {"pass": given})

    def cast(self, voter: Voter, proof: dict[str, str]) -> None:
        asked = {"poll": self.poll, "project": voter.choice, "ip": "192.0.2.7", **proof}
        answer = self.stage.voting.call("cast", asked, actor=NOBODY, key=f"k{self.rng.random()}")
        voter.trackers.append(answer["receipt"])

    def on_paper(self) -> None:
        for code in self.stage.codes(EACH):
            key = paper.voter_key(self.secret, code)
            voter = Voter(key, self.choose(), known_by={code, code.replace("-", "")})
            self.cast(voter, {"code": code})
            self.came.append(voter)
        with self.stage.voting.session() as session:
            hashes = session.scalars(select(Code.hash)).all()
        self.came[0].known_by |= {*hashes}

    def in_batches(self) -> None:
        """Three batches; one could not be handled at first, and one never."""
        for number in (1, 2, 3):
            self.later()
            theirs = []
            for index in range(EACH // 3):
                key = passes.voter_key(self.secret, f"person-{number}-{index}")
                voter = Voter(key, self.choose(), [f"{self.rng.getrandbits(128):032x}"])
                theirs.append(voter)
            sent = batch(
                self.stage,
                number,
                *((voter.key, voter.choice) for voter in theirs),
                trackers=[voter.trackers[0] for voter in theirs],
            )
            if number == 2:
                self.stage.voting.core.take(BALLOTS, _failing, [sent])
                self.stage.voting.core.retry_taken(BALLOTS, intake.take)
            else:
                take(self.stage, sent)
            self.came += theirs
        take(self.stage, batch(self.stage, 9, ("nobody", "wool"), accepted=["yesterday"]))
        for row in self.stage.voting.failed():
            parked.drop(self.stage.voting.database, row.event_id)
        settled(self.stage, "lane", 3)

    def close(self) -> None:
        """Counted, closed, the hold over, what was deleted out of the files."""
        stage = self.stage
        stage.ended()
        stage.at(CLOSED)
        stage.marathon("closed", closed_at=CLOSED.isoformat())
        stage.at(CLOSED + HOLD)
        mail_queue.purge(stage.voting.database, stage.troupe.clock.now())

    def scrub(self) -> None:
        database = self.stage.voting.database
        assert unlinking.scrub(database, self.stage.troupe.clock.now()) == [self.poll]

    def leaks(self, logged: str = "") -> list[str]:
        """All that links, in a sentence each."""
        database = self.stage.voting.database
        found = [
            *in_rows(rows_of(database), self.came),
            *in_text(logged, self.came),
            *in_order(database, self.came),
            *dumped_rows(dump_of(database), self.came),
        ]
        if database.is_sqlite:
            files = Path(str(database.engine.url.database)).parent.glob("voting.sqlite*")
            found += in_bytes(b"".join(path.read_bytes() for path in files), self.came)
        return found


def _failing(_work: Any, _batches: Any) -> None:
    raise RuntimeError("not now")


@pytest.fixture
def town(stage: Stage) -> Town:
    made = Town(stage)
    made.vote()
    return made


def test_nothing_that_is_kept_links_voter_and_choice(
    stage: Stage,
    told: io.StringIO,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    town = Town(stage)
    town.vote()
    before = town.stage.rows("ballots")["ballots"]
    assert before == 3 * EACH + 8
    assert town.leaks()  # the link is there until now, and seen
    town.close()
    town.scrub()

    # What was logged from the first ballot on.
    printed = capsys.readouterr()
    assert told.getvalue(), "the log is not here"
    assert town.leaks(told.getvalue() + printed.out + printed.err + caplog.text) == []

    # It was searched where there was something to find.
    rows = rows_of(town.stage.voting.database)
    held = {table for table, _values in rows}
    assert {"box", "voters", "outbox", "inbox", "copies"} <= held
    assert sum(1 for table, _values in rows if table == "box") == 3 * EACH
    assert town.secret.encode() not in dump_of(town.stage.voting.database).encode()


def _sql(town: Town, *statements: str) -> None:
    with town.stage.voting.database.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _one_row(town: Town) -> None:
    one = town.came[40]
    _sql(
        town,
        "CREATE TABLE leak (who VARCHAR(64), what VARCHAR(64))",
        f"INSERT INTO leak VALUES ('{one.key}', '{one.trackers[-1]}')",
    )


def _voter_and_choice(town: Town) -> None:
    one = town.came[40]
    _sql(
        town,
        "CREATE TABLE leak (who VARCHAR(64), what VARCHAR(64))",
        f"INSERT INTO leak VALUES ('{one.key}', '{one.choice}')",
    )


def _a_number_between(town: Town) -> None:
    _sql(
        town,
        "CREATE TABLE leak (who VARCHAR(64), nr INTEGER)",
        "CREATE TABLE other_leak (nr INTEGER, what VARCHAR(64))",
    )
    for number, voter in enumerate(town.came, 70_000):
        _sql(
            town,
            f"INSERT INTO leak VALUES ('{voter.key}', {number})",
            f"INSERT INTO other_leak VALUES ({number}, '{voter.trackers[-1]}')",
        )


def _in_json(town: Town) -> None:
    one = town.came[30]
    kept = {"etag": None, "answer": {"receipt": one.trackers[-1], "by": [{"voter": one.key}]}}
    row = {"caller": "anonymous", "door": "cast", "key": "k", "digest": "d", "answer": kept}
    with town.stage.voting.session() as session:
        session.execute(insert(idempotency).values(created_at=CLOSED, **row))


def _in_an_event(town: Town) -> None:
    one = town.came[30]
    with town.stage.voting.session() as session:
        said = session.execute(select(outbox)).first()
        assert said is not None
        envelope = {**said.envelope, "data": {"voter": one.key, "choice": one.choice}}
        row = {"event_id": "leak", "type": "x", "subject": "x", "created_at": CLOSED}
        session.execute(insert(outbox).values(envelope=envelope, **row))


def _an_address(town: Town) -> None:
    one = next(voter for voter in town.came if any("@" in each for each in voter.known_by))
    (email, *_more) = sorted(each for each in one.known_by if "@" in each)
    _sql(town, "CREATE TABLE leak (who VARCHAR(99))", f"INSERT INTO leak VALUES ('{email}')")


def _box_in_order(town: Town) -> None:
    _sql(town, "CREATE TABLE kept AS SELECT * FROM box", "DELETE FROM box")
    for voter in town.came:
        tracker = voter.trackers[-1]
        _sql(town, f"INSERT INTO box SELECT * FROM kept WHERE tracker = '{tracker}'")
    _sql(town, "DROP TABLE kept")


def _one_order(town: Town) -> None:
    """Box and register sorted alike: neither tells when, together they tell who."""
    shuffled = random.Random(1).sample(town.came, len(town.came))
    poll = town.poll
    _sql(town, "CREATE TABLE kept AS SELECT * FROM box", "DELETE FROM box", "DELETE FROM voters")
    for voter in shuffled:
        tracker = voter.trackers[-1]
        _sql(
            town,
            f"INSERT INTO box SELECT * FROM kept WHERE tracker = '{tracker}'",
            f"INSERT INTO voters VALUES ('{poll}', '{voter.key}')",
        )
    _sql(town, "DROP TABLE kept")


PLANTED: list[Callable[[Town], None]] = [
    _one_row,
    _voter_and_choice,
    _a_number_between,
    _in_json,
    _in_an_event,
    _an_address,
    _box_in_order,
    _one_order,
]


def test_every_planted_link_is_found(town: Town, tmp_path: Path) -> None:
    town.close()
    town.scrub()
    for plant in PLANTED:
        assert town.leaks() == [], f"before {plant.__name__}"
        database = town.stage.voting.database
        held = _snapshot(database)
        plant(town)
        try:
            assert town.leaks() != [], plant.__name__
        finally:
            _restore(database, held)


def _snapshot(database: Any) -> dict[str, list[Any]]:
    places = {True: "rowid", False: "ctid"}
    with database.engine.connect() as connection:
        return {
            table: [
                dict(row._mapping)
                for row in connection.execute(
                    text(f"SELECT * FROM {table} ORDER BY {places[database.is_sqlite]}")
                )
            ]
            for table in ("box", "voters")
        }


def _restore(database: Any, held: dict[str, list[Any]]) -> None:
    with database.engine.begin() as connection:
        for table in ("leak", "other_leak"):
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
        connection.execute(text("DELETE FROM idempotency WHERE door = 'cast'"))
        connection.execute(text("DELETE FROM outbox WHERE event_id = 'leak'"))
        for table, rows in held.items():
            connection.execute(text(f"DELETE FROM {table}"))
            names = ", ".join(rows[0])
            values = ", ".join(f":{name}" for name in rows[0])
            for row in rows:
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        if database.is_sqlite:
            pass
        else:
            plain.execute(text("VACUUM (FULL) box"))
            plain.execute(text("VACUUM (FULL) voters"))
    if database.is_sqlite:
        assert unlinking._scrub_sqlite(database)


@on_sqlite
def test_a_log_line_is_found(town: Town, told: io.StringIO) -> None:
    town.close()
    town.scrub()
    intake.log.info("ballot", voter=town.came[3].key)
    assert town.leaks(told.getvalue()) == [f"in the text: {town.came[3].key[:9]}…"]


@on_sqlite
def test_before_the_files_are_rewritten_they_tell(town: Town) -> None:
    town.close()
    found = town.leaks()
    assert found
    assert all(line.startswith("bytes: ") for line in found)
    town.scrub()
    assert town.leaks() == []


def test_what_is_not_there_any_more_takes_no_room(town: Town) -> None:
    town.close()
    town.scrub()
    database = town.stage.voting.database
    if database.is_sqlite:
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA freelist_count").scalar() == 0
        # No more than the note that it is done.
        assert Path(f"{database.engine.url.database}-wal").stat().st_size < 10_000
        return
    with database.engine.connect() as connection:
        for table in ("ballots", "register", "codes", "poll_secrets"):
            size = connection.scalar(text(f"SELECT pg_relation_size('{table}')"))
            assert size == 0, table
