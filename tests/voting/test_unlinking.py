"""After the hold the link between voters and ballots is destroyed, in the files too."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from services.chassis.errors import Refusal
from services.voting import unlinking
from services.voting.tables import BallotRow, Base, BoxRow, Entry, PollSecret, Voter
from tests.voting.stage import CLOSES, NOBODY, Stage, on_sqlite

CLOSED = CLOSES + timedelta(hours=5)
HOLD = timedelta(days=7)


def counted(stage: Stage, ballots: int = 6) -> list[str]:
    """A counted poll of a closed marathon; answers the receipts."""
    stage.opened()
    receipts = [stage.vote(code, "wool") for code in stage.codes(ballots)]
    stage.ended()
    stage.at(CLOSED)
    stage.marathon("closed", closed_at=CLOSED.isoformat())
    return receipts


def test_link_is_destroyed_when_the_hold_is_over_and_not_before(stage: Stage) -> None:
    counted(stage)
    stage.at(CLOSED + HOLD - timedelta(microseconds=1))
    assert stage.rows("ballots", "register") == {"ballots": 6, "register": 6}
    with stage.voting.session() as session:
        keys = set(session.scalars(select(Entry.voter_key)))

    stage.at(CLOSED + HOLD)

    assert stage.rows() == {
        "polls": 1,
        "poll_secrets": 0,
        "register": 0,
        "ballots": 0,
        "code_batches": 1,
        "codes": 0,
        "lanes": 0,
        "batches": 0,
        "quarantine_cases": 0,
        "decisions": 0,
        "invalidated_ballots": 0,
        "box": 6,
        "voters": 6,
    }
    with stage.voting.session() as session:
        assert set(session.scalars(select(Voter.key))) == keys


def test_what_remains_has_no_common_key_order_or_time() -> None:
    box = {column.name for column in inspect(BoxRow).columns}
    voters = {column.name for column in inspect(Voter).columns}
    assert box == {"poll", "tracker", "choice"}
    assert voters == {"poll", "key"}


def test_rows_remain_in_another_order_than_they_came(tmp_path: Path) -> None:
    stage = Stage(f"sqlite:///{tmp_path}/{{service}}.sqlite")
    stage.voting.core.rng = random.Random(3)
    receipts = counted(stage, ballots=30)
    with stage.voting.session() as session:
        came = list(session.scalars(select(BallotRow.voter_key).order_by(BallotRow.batch)))
    stage.at(CLOSED + HOLD)
    with stage.voting.session() as session:
        connection = session.connection()
        box = [r[0] for r in connection.exec_driver_sql("SELECT tracker FROM box ORDER BY rowid")]
        keys = [r[0] for r in connection.exec_driver_sql("SELECT key FROM voters ORDER BY rowid")]
    assert (sorted(box), sorted(keys)) == (sorted(receipts), sorted(came))
    # Neither as they came, nor each in the other's order.
    assert box not in (receipts, sorted(receipts))
    of_voter = dict(zip(receipts, came, strict=True))
    assert [of_voter[tracker] for tracker in box] != keys
    stage.troupe.close()


def test_everything_public_stays_the_same(stage: Stage) -> None:
    receipts = counted(stage)
    before = stage.published(receipts[0])

    stage.at(CLOSED + HOLD)

    assert stage.published(receipts[0]) == before
    assert before["get_poll"]["voters"] == 6


@on_sqlite
def test_old_pass_is_of_no_use_any_more(stage: Stage) -> None:
    counted(stage)
    stage.at(CLOSED + HOLD)
    with pytest.raises(Refusal) as refused:
        stage.call("cast", NOBODY, poll=stage.poll().id, project="wool", **{"pass": "old"})
    assert refused.value.code == "poll_closed"


def test_scrub_takes_it_out_of_the_files_of_sqlite(tmp_path: Path) -> None:
    stage = Stage(f"sqlite:///{tmp_path}/{{service}}.sqlite")
    counted(stage)
    with stage.voting.session() as session:
        secret = session.scalars(select(PollSecret.secret)).one().encode()
    assert secret in on_disk(tmp_path)
    stage.at(CLOSED + HOLD)

    assert unlinking.scrub(stage.voting.database, CLOSED + HOLD) == [stage.poll().id]

    assert secret not in on_disk(tmp_path)
    assert unlinking.scrub(stage.voting.database, CLOSED + HOLD) == []
    stage.troupe.close()


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("voting.sqlite*"))


def test_scrub_leaves_other_polls_and_what_remains_alone(stage: Stage) -> None:
    counted(stage)
    assert unlinking.scrub(stage.voting.database, CLOSED) == []  # nothing unlinked yet
    stage.at(CLOSED + HOLD)
    before = stage.rows()

    assert unlinking.scrub(stage.voting.database, CLOSED + HOLD) == [stage.poll().id]

    assert stage.rows() == before
    assert stage.poll().scrubbed_at == CLOSED + HOLD
    assert set(before) == set(Base.metadata.tables)
