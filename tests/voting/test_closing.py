"""The closing: the end, the close without counts, the count, and what voids a poll."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis.errors import Refusal
from services.voting import codes, polls
from services.voting.count import Ballot, Outcome, count
from services.voting.tables import BallotRow, BoxRow, Poll
from services.voting.window import EARLY
from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, Stage, on_sqlite


def test_close_says_totals_only_and_count_is_a_transaction_of_its_own(stage: Stage) -> None:
    stage.opened("bakery", "wool")
    for code in stage.codes(3):
        stage.vote(code, "wool")
    stage.troupe.clock.move_to(CLOSES)

    stage.marathon("ended", ended_at=CLOSES.isoformat())

    closed = stage.last("poll_closed")
    assert (closed["state"], closed["received"], closed["quarantined"]) == ("closed", 3, 0)
    assert closed["tally"] is None
    assert stage.poll().state == "closed"

    stage.voting.tick()
    counted = stage.last("poll_counted")
    assert counted["state"] == "counted"
    assert counted["tally"]["counted"] == {"bakery": 0, "wool": 3}
    assert counted["tally"]["winners"] == ["wool"]
    stage.voting.tick()
    assert stage.said() == ["poll_prepared", "poll_opened", "poll_closed", "poll_counted"]


@on_sqlite
def test_poll_closes_on_time_and_is_counted_only_once_the_marathon_ended(stage: Stage) -> None:
    stage.opened()
    stage.at(CLOSES - timedelta(microseconds=1))
    assert stage.poll().state == "open"
    stage.at(CLOSES)
    assert stage.poll().state == "closed"
    # A project may still be withdrawn.
    stage.project("wool", "withdrawn")
    stage.at(CLOSES + timedelta(minutes=10))
    assert stage.poll().state == "closed"

    stage.ended(CLOSES + timedelta(minutes=10))

    assert stage.poll().state == "counted"
    assert stage.poll().closes_at == CLOSES


@on_sqlite
def test_marathon_that_ends_early_closes_the_vote_a_minute_after(stage: Stage) -> None:
    stage.opened()
    code = stage.codes(1)[0]
    ended_at = CLOSES - timedelta(hours=3)
    stage.troupe.clock.move_to(ended_at)
    stage.marathon("ended", ended_at=ended_at.isoformat())
    assert stage.poll().closes_at == ended_at + EARLY
    assert stage.last("poll_opened")["closes_at"] == (ended_at + EARLY).isoformat()

    stage.at(ended_at + EARLY - timedelta(seconds=1))
    stage.vote(code, "wool")
    stage.at(ended_at + EARLY)

    assert stage.poll().state == "counted"
    assert stage.tally()["counted"]["wool"] == 1


@on_sqlite
def test_end_heard_late_closes_the_vote_no_sooner_than_gateways_know(stage: Stage) -> None:
    stage.opened()
    code = stage.codes(1)[0]
    ended_at = CLOSES - timedelta(hours=3)
    heard_at = ended_at + timedelta(minutes=30)
    stage.troupe.clock.move_to(heard_at - timedelta(seconds=1))
    stage.vote(code, "wool")
    stage.troupe.clock.move_to(heard_at)

    stage.marathon("ended", ended_at=ended_at.isoformat())
    stage.at(heard_at)
    assert stage.poll().closes_at == heard_at + EARLY

    # Heard again a little later, as after a crash: it stays where it is.
    stage.at(heard_at + timedelta(seconds=10))
    stage.marathon("ended", ended_at=ended_at.isoformat())
    assert stage.poll().closes_at == heard_at + EARLY
    stage.at(heard_at + EARLY)
    assert stage.tally()["counted"]["wool"] == 1


def test_count_waits_for_the_projects_that_the_marathon_names(stage: Stage) -> None:
    stage.opened("bakery", "wool")
    code, other = stage.codes(2)
    stage.vote(code, "wool")
    stage.vote(other, "bakery")
    withdrawn = stage.project_letter("wool", "withdrawn")  # said, and still under way
    named = [{"id": "bakery", "version": 1}, {"id": "wool", "version": 2}]
    stage.troupe.clock.move_to(CLOSES)
    stage.marathon("ended", ended_at=CLOSES.isoformat(), projects=named)
    stage.at(CLOSES)
    assert stage.poll().state == "closed"

    stage.hear(withdrawn)
    stage.at(CLOSES)

    assert stage.tally()["counted"] == {"bakery": 1}
    assert stage.tally()["spoilt"] == 1


@on_sqlite
def test_a_count_that_waits_holds_up_no_other(stage: Stage) -> None:
    """A count is a step of its own; the first in the order of the locks may wait for days."""
    stage.opened("bakery", "wool")
    other = {**stage.marathon_state, "id": "vallee-du-lot-2023-2", "projects": []}
    assert other["id"] > MARATHON
    cheese = {**stage.project_states["bakery"], "id": "cheese", "marathon": other["id"]}
    stage.hear(
        stage.letter("registration", "marathon_mobilised", "marathon", other["id"], other),
        stage.letter("registration", "project_confirmed", "project", "cheese", cheese),
    )
    stage.call("prepare_poll", marathon=other["id"])
    stage.hear(stage.letter("registration", "marathon_started", "marathon", other["id"], other))
    stage.at(OPENS)
    unheard = [{"id": "bakery", "version": 1}, {"id": "wool", "version": 2}]
    stage.troupe.clock.move_to(CLOSES)
    stage.marathon("ended", ended_at=CLOSES.isoformat(), projects=unheard)
    ended = {**other, "state": "ended", "ended_at": CLOSES.isoformat()}
    stage.hear(stage.letter("registration", "marathon_ended", "marathon", other["id"], ended))

    stage.at(CLOSES)

    with stage.voting.session() as session:
        states = dict(session.execute(select(Poll.marathon, Poll.state)).all())
    assert states == {MARATHON: "closed", other["id"]: "counted"}


@on_sqlite
def test_marathon_heard_of_only_when_closed_does_all_in_order(stage: Stage) -> None:
    stage.mobilised()
    stage.call("prepare_poll", marathon=MARATHON)
    stage.troupe.clock.move_to(CLOSES + timedelta(days=2))
    stage.marathon(
        "closed",
        projects=stage.started_projects(),
        ended_at=CLOSES.isoformat(),
        closed_at=(CLOSES + timedelta(days=1)).isoformat(),
    )
    stage.at(CLOSES + timedelta(days=8))
    assert stage.said() == ["poll_prepared", "poll_opened", "poll_closed", "poll_counted"]
    assert stage.poll().unlinked_at is not None


@pytest.mark.parametrize("prepared", [False, True])
@on_sqlite
def test_marathon_that_went_by_without_a_vote_voids_the_poll(stage: Stage, prepared: bool) -> None:
    stage.mobilised()
    if prepared:
        stage.call("prepare_poll", marathon=MARATHON)
    ended_at = OPENS - timedelta(hours=1)
    stage.troupe.clock.move_to(ended_at)

    stage.marathon("ended", ended_at=ended_at.isoformat())

    assert stage.poll().state == "void"
    assert stage.last("poll_closed")["state"] == "void"


def test_cancelled_marathon_voids_its_poll_and_leaves_nothing_of_it(stage: Stage) -> None:
    poll = stage.opened()
    for code in stage.codes(3):
        stage.vote(code, "wool")

    stage.marathon("cancelled", reason="Orage")
    stage.at(CLOSES + timedelta(days=1))

    assert stage.last("poll_closed")["state"] == "void"
    assert stage.said() == ["poll_prepared", "poll_opened", "poll_closed"]
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
        "box": 0,
        "voters": 0,
    }
    with pytest.raises(Refusal) as refused:
        stage.call("get_results", NOBODY, marathon=MARATHON)
    assert refused.value.code == "poll_void"
    assert stage.call("get_poll", NOBODY, poll=poll)["state"] == "void"


@on_sqlite
def test_marathon_first_heard_of_when_cancelled_has_a_void_poll(stage: Stage) -> None:
    stage.marathon("cancelled")
    assert stage.poll().state == "void"


@pytest.mark.parametrize("rule", ["shared", "jury_order", "lots"])
@on_sqlite
def test_tie_goes_by_the_declared_rule(stage: Stage, rule: str) -> None:
    stage.opened("bakery", "wool", tie_rule=rule)
    code, other = stage.codes(2)
    stage.vote(code, "wool")
    stage.vote(other, "bakery")

    stage.ended()

    tally = stage.tally()
    assert tally["tie"] is True
    if rule == "lots":
        assert tally["seed"] == tally["box_digest"]
        assert len(tally["winners"]) == 1
    else:
        assert (tally["seed"], tally["winners"]) == (None, ["bakery", "wool"])


@on_sqlite
def test_jurys_order_names_the_winner_of_a_tie_once_the_palmares_is_out(
    stage: Stage,
) -> None:
    stage.opened("bakery", "wool", tie_rule="jury_order")
    code, other = stage.codes(2)
    stage.vote(code, "wool")
    stage.vote(other, "bakery")
    stage.ended()
    assert stage.call("get_results", NOBODY, marathon=MARATHON)["winners"] == ["bakery", "wool"]

    palmares = {"marathon": MARATHON, "public_winners": ["wool"]}
    stage.hear(stage.letter("jury", "palmares_published", "palmares", "p", palmares))

    assert stage.call("get_results", NOBODY, marathon=MARATHON)["winners"] == ["wool"]


def test_what_the_database_counts_is_what_the_pure_count_counts(stage: Stage) -> None:
    """Many voters who change their minds, several at one instant, one project withdrawn, one
    batch of codes revoked."""
    chance = random.Random(11)
    poll = stage.opened()
    revoked = stage.codes(3, "Halle")
    for code in [*stage.codes(5), *revoked]:
        stage.vote(code, chance.choice(STOOD))
    with stage.voting.session() as session:
        for number in range(400):
            session.add(
                BallotRow(
                    poll=poll,
                    tracker=f"{chance.getrandbits(128):032x}",
                    voter_key=f"{chance.randrange(150):064x}",
                    choice=chance.choice(STOOD),
                    accepted_at=OPENS + timedelta(seconds=chance.randrange(5)),
                    gateway=chance.choice(["call", "g1", "g2"]),
                    batch=chance.randrange(3),
                    index_in_batch=number,
                )
            )
        session.flush()
        rows = session.scalars(select(BallotRow)).all()
        ballots = [
            Ballot(
                row.tracker,
                row.voter_key,
                row.choice,
                row.accepted_at,
                row.gateway,
                row.batch,
                row.index_in_batch,
            )
            for row in rows
        ]
    stage.project("wool", "withdrawn")
    batches = stage.call("list_codes", poll=poll)
    (batch,) = (each["batch"] for each in batches if each["place"] == "Halle")
    stage.call("revoke_codes", poll=poll, batch=batch)
    secret = stage.voting.within(lambda work: polls.secret_of(work, polls.find(work, poll)))
    out = {codes.voter_key(secret, code) for code in revoked}
    stage.ended()

    expected = count(
        ballots,
        STOOD,
        spoilt={"wool"},
        invalidated={each.tracker for each in ballots if each.voter in out},
    )
    tally = stage.tally()
    assert len(ballots) == 408
    assert {name: tally[name] for name in SAME} == {name: told(expected, name) for name in SAME}
    with stage.voting.session() as session:
        box = session.execute(select(BoxRow.tracker, BoxRow.choice)).all()
    assert sorted(map(tuple, box)) == list(expected.box)


STOOD = ("bakery", "garden", "wool")
SAME = (
    "accepted", "counted_ballots", "replaced", "invalidated", "spoilt", "raw", "counted", "tie",
    "winners", "box_digest",
)  # fmt: skip


def told(outcome: Outcome, name: str) -> Any:
    """A figure as the record has it."""
    value = getattr(outcome, name)
    return list(value) if isinstance(value, tuple) else value
