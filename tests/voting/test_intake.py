"""Ballots in batches: each once, in whatever order they come, and only while the poll is open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select

from services.chassis import parked
from services.chassis.errors import Refusal
from services.chassis.sealed import seal
from services.chassis.streams import TailBusy, TailGone
from services.voting import intake, lanes, passes, polls
from services.voting.messages_ballots import BALLOTS
from services.voting.tables import BallotRow, LaneRow, Poll, PollSecret
from tests.voting.stage import CLOSES, MARATHON, NOBODY, OPENS, Stage

Vote = tuple[str, str]


def secret_of(stage: Stage) -> str:
    with stage.voting.session() as session:
        return session.scalars(select(PollSecret.secret)).one()


def batch(stage: Stage, number: int, *votes: Vote, lane: str = "lane", **changes: Any) -> Any:
    """A batch as a gateway sends it: (voter, project) in the order of acceptance."""
    at = (stage.troupe.clock.now() + timedelta(milliseconds=number)).isoformat()
    ballots = {
        "trackers": [f"{lane}-{number}-{index}" for index, _vote in enumerate(votes)],
        "voters": [voter for voter, _project in votes],
        "choices": [project for _voter, project in votes],
        "accepted": [at] * len(votes),
        "domains": ["example.org"] * len(votes),
        "networks": [""] * len(votes),
    } | changes
    key = passes.batch_key(secret_of(stage))
    sealed = seal(key, f"{lane}/{number}", ballots)
    return {"poll": stage.poll().id, "lane": lane, "number": number, "sealed": sealed}


def take(stage: Stage, *batches: Any) -> None:
    """What comes from the queue, all at once."""
    stage.voting.core.take(BALLOTS, intake.take, list(batches))


def failed(stage: Stage) -> list[Any]:
    return stage.voting.failed()


def settled(stage: Stage, lane: str, last: int, proven: bool = True) -> None:
    """The broker has told of a lane what its last batch was."""
    with stage.voting.session() as session:
        row = session.get_one(LaneRow, lane)
        row.last, row.proven = last, proven


def test_a_batch_is_stored_once_however_often_it_comes(stage: Stage) -> None:
    stage.opened()
    first = batch(stage, 1, ("anne", "wool"), ("bruno", "garden"))
    second = batch(stage, 2, ("anne", "bakery"))
    take(stage, second, first, first)
    take(stage, first)
    assert stage.rows("ballots", "register", "batches") == {
        "ballots": 3,
        "register": 2,
        "batches": 2,
    }
    with stage.voting.session() as session:
        row = session.get_one(BallotRow, (stage.poll().id, "lane-2-0"))
        assert (row.voter_key, row.choice, row.gateway, row.batch) == ("anne", "bakery", "lane", 2)
        assert (row.domain, row.network) == ("example.org", None)
    settled(stage, "lane", 2)
    stage.ended()
    assert stage.tally()["counted"] == {"bakery": 1, "garden": 1, "wool": 0}


def test_texts_of_a_batch_are_stored_as_they_are(stage: Stage) -> None:
    """Also those that mean something where arrays are written: they go there as one text each."""
    stage.opened()
    odd = ['"', "\\", '\\"', "a,b", "{}", "NULL", "null", " x ", "l'eau", "été 🌊", "\n", "%s :x"]
    places: dict[str, Any] = {"lane": 'a "lane", {1}', "trackers": [f"t{text}" for text in odd]}
    take(stage, batch(stage, 1, *((f"voter {text}", text) for text in odd), **places))
    take(stage, batch(stage, 2, *(("anne", "wool") for _ in odd), domains=odd, networks=odd[::-1]))
    with stage.voting.session() as session:
        rows = session.scalars(
            select(BallotRow).order_by(BallotRow.batch, BallotRow.index_in_batch)
        )
        stored = list(rows)
    assert [(row.tracker, row.voter_key, row.choice) for row in stored[: len(odd)]] == [
        (f"t{text}", f"voter {text}", text) for text in odd
    ]
    assert {row.gateway for row in stored} == {'a "lane", {1}', "lane"}
    assert stage.rows("register") == {"register": len(odd) + 1}
    assert [(row.domain, row.network) for row in stored[len(odd) :]] == list(
        zip(odd, odd[::-1], strict=True)
    )


def test_a_batch_of_an_unknown_poll_stores_nothing(stage: Stage) -> None:
    stage.opened()
    take(stage, batch(stage, 1, ("anne", "wool")) | {"poll": "nobody's"})
    assert stage.rows("ballots", "register", "batches") == {
        "ballots": 0,
        "register": 0,
        "batches": 0,
    }
    assert [row.error for row in failed(stage)] == ["NotFound"]


def test_ballots_by_call_and_in_batches_are_one_voters(stage: Stage) -> None:
    poll = stage.opened()
    secret = secret_of(stage)
    voter = passes.voter_key(secret, "anne")
    take(stage, batch(stage, 1, (voter, "wool")))
    stage.troupe.clock.move_by(timedelta(seconds=1))
    given = passes.sign(secret, poll, voter, CLOSES)
    stage.call("cast", NOBODY, poll=poll, project="garden", **{"pass": given})
    assert stage.rows("ballots", "register") == {"ballots": 2, "register": 1}
    settled(stage, "lane", 1)
    stage.ended()
    assert stage.tally()["counted"] == {"bakery": 0, "garden": 1, "wool": 0}


def test_a_batch_that_cannot_be_read_is_parked_alone_and_holds_the_closing(stage: Stage) -> None:
    stage.opened()
    good, bad = batch(stage, 1, ("anne", "wool")), batch(stage, 2, ("bruno", "wool"))
    wrong = batch(stage, 3, ("carla", "wool"), accepted=["yesterday"])
    take(stage, bad | {"sealed": good["sealed"]}, good, wrong, {"nonsense": True})
    assert stage.rows("ballots") == {"ballots": 1}
    assert sorted(row.error for row in failed(stage)) == [
        "NotOpened",
        "ValidationError",
        "ValidationError",
    ]
    settled(stage, "lane", 1)
    stage.at(CLOSES)
    assert stage.poll().state == "open"
    # What people sent is not shown, nor what an error may repeat of it (RULES V7).
    shown = [parked.show(stage.voting.database, row.event_id) for row in failed(stage)]
    assert [each["envelope"] for each in shown] == [None] * 3
    assert not [each for each in shown if "carla" in str(each) or "yesterday" in str(each)]
    for row in failed(stage):
        parked.drop(stage.voting.database, row.event_id)
    stage.ended()
    assert stage.poll().state == "counted"


def test_a_failed_batch_is_tried_again_and_forgotten_when_it_goes_through(stage: Stage) -> None:
    stage.opened()
    one = batch(stage, 1, ("anne", "wool"))

    def choke(work: Any, batches: Any) -> None:
        raise ValueError("not today")

    stage.voting.core.take(BALLOTS, choke, [one])
    assert [row.status for row in failed(stage)] == ["retrying"]
    assert stage.voting.core.retry_taken(BALLOTS, intake.take) == 1
    assert failed(stage) == []
    assert stage.rows("ballots") == {"ballots": 1}


def test_poll_closes_only_once_every_batch_of_every_lane_is_here(stage: Stage) -> None:
    poll = stage.opened()
    stage.call("open_lane", NOBODY, poll=poll, lane="lane")
    stage.call("open_lane", NOBODY, poll=poll, lane="other")
    take(stage, batch(stage, 0), batch(stage, 1, ("anne", "wool")))
    late = batch(stage, 2, ("bruno", "garden"))
    stage.ended()
    assert stage.poll().state == "open"  # nobody knows yet how many there are
    settled(stage, "lane", 2)
    settled(stage, "other", 0)
    stage.at(CLOSES)
    assert stage.poll().state == "open"
    take(stage, late)
    stage.at(CLOSES)
    assert stage.poll().state == "counted"
    record = stage.call("get_record", NOBODY, poll=poll)["record"]
    assert record["intake"] == {"lanes": 2, "batches": 2, "unproven": 0}
    assert record["accepted"] == 2


def test_what_the_broker_lost_is_stated(stage: Stage) -> None:
    poll = stage.opened()
    take(stage, batch(stage, 1, ("anne", "wool")))
    settled(stage, "lane", 1, proven=False)
    stage.ended()
    record = stage.call("get_record", NOBODY, poll=poll)["record"]
    assert record["intake"] == {"lanes": 1, "batches": 1, "unproven": 1}


def test_a_batch_after_the_closing_is_not_stored(stage: Stage) -> None:
    stage.opened()
    late = batch(stage, 1, ("anne", "wool"))
    stage.ended()
    take(stage, late)
    assert stage.rows("ballots", "box") == {"ballots": 0, "box": 0}
    assert failed(stage) == []


def test_first_batch_at_the_instant_of_the_opening_opens_the_poll(stage: Stage) -> None:
    stage.mobilised()
    stage.call("prepare_poll", marathon=MARATHON)
    stage.marathon("running", projects=stage.started_projects())
    stage.troupe.clock.move_to(OPENS)
    take(stage, batch(stage, 1, ("anne", "wool")))
    assert stage.poll().state == "open"
    assert stage.rows("ballots") == {"ballots": 1}


def test_a_lane_that_was_closed_is_not_opened_again(stage: Stage) -> None:
    poll = stage.opened()
    stage.call("open_lane", NOBODY, poll=poll, lane="lane")
    stage.call("open_lane", NOBODY, poll=poll, lane="lane")
    with stage.voting.session() as session:
        session.get_one(LaneRow, "lane").fenced_at = stage.troupe.clock.now()
    with pytest.raises(Refusal, match="lane_closed"):
        stage.call("open_lane", NOBODY, poll=poll, lane="lane")
    stage.at(CLOSES)
    with pytest.raises(Refusal, match="poll_closed"):
        stage.call("open_lane", NOBODY, poll=poll, lane="another")


def test_lent_poll_has_what_a_gateway_needs_and_no_more(stage: Stage) -> None:
    poll = stage.opened("wool", "garden", who_may_vote="not_team")
    secret = secret_of(stage)
    lent = stage.call("lend_poll", NOBODY, poll=poll)
    assert secret not in str(lent)
    assert lent == {
        "poll": poll,
        "pass_key": passes.pass_key(secret).hex(),
        "batch_key": passes.batch_key(secret).hex(),
        "closes_at": CLOSES.isoformat(),
        "candidates": ["garden", "wool"],
        "kept_out": sorted(
            passes.voter_key(secret, f"{project}-{who}")
            for project in ("garden", "wool")
            for who in ("holder", "member")
        ),
    }
    stage.at(CLOSES)
    with pytest.raises(Refusal, match="poll_closed"):
        stage.call("lend_poll", NOBODY, poll=poll)


def test_nothing_of_batches_outlives_the_link(stage: Stage) -> None:
    stage.opened()
    take(stage, batch(stage, 1, ("anne", "wool")), batch(stage, 2) | {"sealed": "spoilt"})
    stage.marathon("cancelled")
    assert stage.poll().state == "void"
    assert stage.rows("ballots", "batches") == {"ballots": 0, "batches": 0}
    assert failed(stage) == []
    with stage.voting.session() as session:
        assert session.scalars(select(Poll.unlinked_at)).one() is not None


class Broker:
    """Stands for ``Lanes``: what each lane's tail tells, or raises."""

    def __init__(self, **tails: Any) -> None:
        self.tails = tails
        self.done: list[str] = []
        self.empty = True

    def fence(self, lane: str) -> None:
        self.done.append(f"fence {lane}")

    def latest(self, lane: str) -> Any:
        told = self.tails[lane]
        if isinstance(told, BaseException):
            raise told
        return told

    def is_empty(self) -> bool:
        return self.empty

    def forget(self, lane: str) -> None:
        self.done.append(f"forget {lane}")


def tend(stage: Stage, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Closes the lanes as a replica does every second; what was done."""
    monkeypatch.setattr(lanes, "Lanes", lambda *_any: broker)
    monkeypatch.setattr(lanes, "SETTLE_S", 0.0)
    lanes.tend(stage.voting.core, lambda raws: take(stage, *raws))
    done, broker.done = broker.done, []
    return done


def test_lanes_are_closed_after_the_closing_and_the_tail_is_taken_in(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = stage.opened()
    stage.call("open_lane", NOBODY, poll=poll, lane="lane")
    # The broker died between its two queues: the last batch is in the tail alone.
    broker = Broker(lane=[batch(stage, 1, ("anne", "wool"))])
    assert tend(stage, broker, monkeypatch) == []
    stage.at(CLOSES + lanes.GRACE - timedelta(seconds=1))
    assert tend(stage, broker, monkeypatch) == []
    stage.at(CLOSES + lanes.GRACE)
    assert tend(stage, broker, monkeypatch) == ["fence lane", "forget lane"]
    assert tend(stage, broker, monkeypatch) == []
    stage.ended(CLOSES + lanes.GRACE)
    assert stage.tally()["counted"] == {"bakery": 0, "garden": 0, "wool": 1}


def test_an_empty_tail_is_waited_for_only_where_receipts_were_given(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = stage.opened()
    stage.call("open_lane", NOBODY, poll=poll, lane="busy")
    take(stage, batch(stage, 0, lane="never"))
    broker = Broker(busy=TailBusy("busy"), never=[])
    stage.over()
    assert tend(stage, broker, monkeypatch) == ["fence busy", "fence never", "forget never"]
    assert stage.poll().state == "open"
    broker.tails["busy"] = [batch(stage, 0, lane="busy")]
    assert tend(stage, broker, monkeypatch) == ["fence busy", "forget busy"]
    stage.at(CLOSES + lanes.GRACE)
    assert stage.poll().state == "counted"


def waited(stage: Stage, ago: timedelta | None) -> None:
    """The lane's stream was seen empty so long ago for the first time."""
    with stage.voting.session() as session:
        row = session.get_one(LaneRow, "lane")
        if ago is not None:
            assert row.empty_since is not None
            row.empty_since -= ago


@pytest.mark.parametrize("emptied", [False, True], ids=["tail gone", "tail emptied"])
def test_a_lane_of_which_the_broker_knows_nothing_does_not_hold_the_closing_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, emptied: bool
) -> None:
    poll = stage.opened()
    stage.call("open_lane", NOBODY, poll=poll, lane="lane")
    take(stage, batch(stage, 1, ("anne", "wool")))
    stage.over()
    broker = Broker(lane=[] if emptied else TailGone("lane"))
    # What waits, or what a replica has in its hands, may be of that lane, and later than what
    # has come: the stream has to be empty for long enough, and without a break.
    for empty, ago in ((False, None), (True, None), (True, lanes.EMPTY_FOR / 2), (False, None)):
        waited(stage, ago)
        broker.empty = empty
        tend(stage, broker, monkeypatch)
        stage.at(CLOSES + lanes.GRACE)
        assert stage.poll().state == "open"
    broker.empty = True
    tend(stage, broker, monkeypatch)
    waited(stage, lanes.EMPTY_FOR)
    tend(stage, broker, monkeypatch)
    stage.at(CLOSES + lanes.GRACE)
    record = stage.call("get_record", NOBODY, poll=poll)["record"]
    assert record["intake"] == {"lanes": 1, "batches": 1, "unproven": 1}


def test_a_lane_that_cannot_be_read_holds_up_no_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = stage.opened()
    for lane in ("first", "second"):
        stage.call("open_lane", NOBODY, poll=poll, lane=lane)
    stage.over()
    broker = Broker(first=[{"nonsense": True}], second=[batch(stage, 0, lane="second")])
    done = tend(stage, broker, monkeypatch)
    assert done == ["fence first", "fence second", "forget second"]
    assert REGISTRY.get_sample_value("marathon_polls_overdue") == 1


def test_the_end_of_a_lane_is_its_highest_number_in_whatever_order_it_came(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = stage.opened()
    stage.call("open_lane", NOBODY, poll=poll, lane="lane")
    one, two = batch(stage, 1, ("anne", "wool")), batch(stage, 2, ("bob", "garden"))
    stage.over()
    # The first one again, from a connection that was given up: later than the second.
    tend(stage, Broker(lane=[one, two, one]), monkeypatch)
    stage.at(CLOSES + lanes.GRACE)
    assert stage.tally()["counted"] == {"bakery": 0, "garden": 1, "wool": 1}


def test_a_lane_that_another_replica_has_just_closed_is_not_taken_for_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = stage.opened()
    stage.call("open_lane", NOBODY, poll=poll, lane="lane")
    take(stage, batch(stage, 1, ("anne", "wool")))
    told = batch(stage, 1, ("anne", "wool"))

    class Behind(Broker):
        """Between this replica's look at the table and at the tail, another one is done."""

        def latest(self, lane: str) -> Any:
            tend(stage, Broker(lane=[told]), monkeypatch)
            raise TailGone(lane)

    stage.over()
    tend(stage, Behind(), monkeypatch)
    stage.at(CLOSES + lanes.GRACE)
    record = stage.call("get_record", NOBODY, poll=poll)["record"]
    assert record["intake"] == {"lanes": 1, "batches": 1, "unproven": 0}


def test_a_poll_that_misses_a_batch_waits_until_somebody_gives_it_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = stage.opened()
    for lane in ("lane", "silent"):
        stage.call("open_lane", NOBODY, poll=poll, lane=lane)
    two = batch(stage, 2, ("anne", "wool"))
    stage.over()
    tend(stage, Broker(lane=[two], silent=TailBusy("silent")), monkeypatch)
    core = stage.voting.core
    stage.at(CLOSES + lanes.GRACE)
    assert core.within(lanes.overdue) == {
        poll: [
            "lane silent: its last batch is not known",
            "lane lane: 1 of 2 batches have not come",
        ]
    }
    assert REGISTRY.get_sample_value("marathon_polls_overdue") == 1
    assert stage.poll().state == "open"
    core.within(lambda work: lanes.give_up(work, polls.held(work, poll), "Le courtier a brûlé."))
    assert core.within(lanes.overdue) == {}
    stage.at(CLOSES + lanes.GRACE)
    record = stage.call("get_record", NOBODY, poll=poll)["record"]
    assert record["intake"] == {"lanes": 2, "batches": 1, "unproven": 2}
    assert record["counted"]["wool"] == 1
