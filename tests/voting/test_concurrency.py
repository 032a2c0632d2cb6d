"""Everything runs concurrently with itself: real transactions, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from services.chassis.errors import Refusal
from services.chassis.work import Work
from services.voting import ballots, intake
from services.voting.messages_ballots import BALLOTS
from services.voting.tables import BallotRow, Entry
from tests.voting.stage import CLOSES, MARATHON, OPENS, Stage
from tests.voting.test_ballots import a_pass, cast
from tests.voting.test_intake import batch, settled, take


def at_once(number: int, run: Callable[[], Any]) -> list[Any]:
    """Runs a function in so many threads at once; answers what each answered or refused."""
    gate = threading.Barrier(number)

    def wait_and_run(_number: int) -> Any:
        gate.wait()
        try:
            return run()
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(wait_and_run, range(number)))


def test_one_code_used_by_many_at_once_votes_once(stage: Stage) -> None:
    stage.opened()
    code = stage.codes(1)[0]

    answers = at_once(6, lambda: stage.vote(code, "wool"))

    assert answers.count("code_used") == 5
    assert stage.rows("ballots", "register") == {"ballots": 1, "register": 1}


def test_one_code_repeated_at_once_under_its_key_is_given_its_receipt(stage: Stage) -> None:
    poll = stage.opened()
    code = stage.codes(1)[0]
    request = {"poll": poll, "code": code, "project": "wool"}

    answers = at_once(6, lambda: stage.voting.call("cast", request, key="pressed twice"))

    assert len({str(answer) for answer in answers}) == 1, answers
    assert stage.rows("ballots", "register") == {"ballots": 1, "register": 1}


def test_one_pass_repeated_at_once_under_its_key_is_one_ballot(stage: Stage) -> None:
    poll = stage.opened()
    request = {"poll": poll, "pass": a_pass(stage, "anne"), "project": "wool"}

    answers = at_once(6, lambda: stage.voting.call("cast", request, key="pressed twice"))

    assert len({str(answer) for answer in answers}) == 1, answers
    assert stage.rows("ballots", "register") == {"ballots": 1, "register": 1}


def test_one_voter_many_times_at_once_is_one_voter(stage: Stage) -> None:
    stage.opened()
    anne = a_pass(stage, "anne")

    answers = at_once(6, lambda: cast(stage, anne, "wool"))

    assert len({answer["receipt"] for answer in answers}) == 6
    assert stage.rows("ballots", "register") == {"ballots": 6, "register": 1}
    stage.ended()
    assert stage.tally()["counted"]["wool"] == 1


def test_first_voters_at_the_instant_of_the_opening_open_the_poll_once(stage: Stage) -> None:
    stage.mobilised()
    stage.call("prepare_poll", marathon=MARATHON)
    stage.marathon("running", projects=stage.started_projects())
    codes = iter(stage.codes(4))
    stage.troupe.clock.move_to(OPENS)

    at_once(4, lambda: stage.vote(next(codes), "wool"))

    assert stage.said().count("poll_opened") == 1
    assert stage.rows("ballots") == {"ballots": 4}


def test_closing_waits_for_a_ballot_under_way_and_counts_it(stage: Stage) -> None:
    poll = stage.opened()
    code = stage.codes(1)[0]
    close_while(stage, lambda work: ballots.cast(work, poll, "wool", code=code))

    assert stage.last("poll_closed")["received"] == 1
    stage.ended()
    assert stage.tally()["counted"]["wool"] == 1


def test_closing_waits_for_a_batch_under_way_and_counts_it(stage: Stage) -> None:
    """Of one that the lane's end does not tell of: the poll's row alone holds the closing up."""
    stage.opened()
    take(stage, batch(stage, 1, ("bruno", "wool")))
    settled(stage, "lane", 1)
    loaded = BALLOTS.load(batch(stage, 2, ("anne", "wool")))
    close_while(stage, lambda work: intake.take(work, [loaded]))

    assert stage.last("poll_closed")["received"] == 2
    stage.ended()
    assert stage.tally()["counted"]["wool"] == 2


def close_while(stage: Stage, vote: Callable[[Work], Any]) -> None:
    """The poll is over while a ballot's transaction waits; sees that the closing waits too."""
    stage.troupe.clock.move_to(CLOSES - timedelta(seconds=1))
    accepted, commit = threading.Event(), threading.Event()

    def slowly(work: Work) -> None:
        vote(work)
        accepted.set()
        commit.wait(5)

    with ThreadPoolExecutor(2) as pool:
        voting = pool.submit(stage.voting.within, slowly)
        assert accepted.wait(5)
        stage.troupe.clock.move_to(CLOSES)
        closing = pool.submit(stage.voting.tick)
        with pytest.raises(TimeoutError):
            closing.result(0.3)
        commit.set()
        voting.result(5)
        closing.result(10)


def test_many_replicas_open_a_poll_once(stage: Stage) -> None:
    stage.mobilised()
    stage.call("prepare_poll", marathon=MARATHON)
    stage.marathon("running", projects=stage.started_projects())
    stage.troupe.clock.move_to(OPENS)

    at_once(4, stage.voting.tick)

    assert stage.said().count("poll_opened") == 1


def test_many_replicas_count_once(stage: Stage) -> None:
    stage.opened()
    for code in stage.codes(3):
        stage.vote(code, "wool")
    stage.troupe.clock.move_to(CLOSES)
    stage.marathon("ended", ended_at=CLOSES.isoformat())

    at_once(4, stage.voting.tick)

    assert stage.said().count("poll_counted") == 1
    assert stage.rows("box") == {"box": 3}


def test_constraints_not_checks_keep_trackers_and_voters_unique(stage: Stage) -> None:
    poll = stage.opened()
    entry = {"poll": poll, "voter_key": "anne", "ballots": 1}
    ballot = {
        "poll": poll,
        "tracker": "t",
        "voter_key": "anne",
        "choice": "wool",
        "accepted_at": OPENS,
        "gateway": "g",
        "batch": 1,
        "index_in_batch": 0,
    }
    for table, row in ((Entry, entry), (BallotRow, ballot)):
        with stage.voting.session() as session:
            session.execute(insert(table), [row])
        with pytest.raises(IntegrityError), stage.voting.session() as session:
            session.execute(insert(table), [row])
