"""Ending while people vote: a gateway or replica that is asked to go, and the poll itself."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from services.voting.tables import BatchRow
from tests.chaos.conftest import Begin
from tests.chaos.finals import Finals
from tests.chaos.voters import NO_ANSWER, Line
from tests.instance import Process
from tests.proxy import Proxy
from tests.servers import Borrowed

NOBODY_WAITS_S = 2.0
"""Of two busy cores; without a gateway's end the slowest answers take half a second here."""

NOTHING_LIES_S = 5.0
"""Between receipt and row: what a replica that goes had in its hands comes to another one."""

PER_S = 50.0
"""As many as one replica keeps up with on a busy machine: who waits, waits for one that goes."""


@pytest.mark.timeout(240)
def test_who_is_asked_to_stop_loses_nothing_and_delays_nobody(
    begin_finals: Begin, servers: Borrowed, vhost: str
) -> None:
    finals = begin_finals(servers, vhost)
    finals.begin(replicas=2, gateways=3)
    with (
        Watch(finals.engine) as watch,
        finals.voting(per_s=PER_S, connections=32, on_paper=500) as voting,
    ):
        _let_vote(finals)
        assert finals.gateway(0).halt() == 0
        assert finals.instance.processes["voting#0"].halt() == 0
        _let_vote(finals)
        finals.instance.processes["voting#0"].resume()
        finals.wait_started("voting#0")
        assert finals.instance.processes["voting#1"].halt() == 0
        assert finals.gateway(1).halt() == 0
        _let_vote(finals)
        voting.stop()
    others = [line for line in voting.lines if line.port == finals.ports[2]]
    assert [line.status for line in others if line.status != 202] == []
    assert max(line.seconds for line in others) < NOBODY_WAITS_S
    _must_have_answered(finals, voting.lines)
    _must_be_stored_soon(finals, watch)
    finals.close()
    finals.wait_closed()
    finals.count()
    assert finals.faults(voting.lines) == []


class Watch(threading.Thread):
    """Looks all the time which batches are there, and notes when it first saw each."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(daemon=True)
        self.engine = engine
        self.seen: dict[tuple[str, int], float] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        query = select(BatchRow.lane, BatchRow.number)
        while not self.ended.wait(0.05):
            with self.engine.connect() as connection:
                there = connection.execute(query).all()
            now = time.time()
            for lane, number in there:
                self.seen.setdefault((lane, number), now)

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.ended.set()
        self.join()


def _must_be_stored_soon(finals: Finals, watch: Watch) -> None:
    """No ballot lies between its receipt and its row for long, whichever replica goes."""
    waited = [
        watch.seen[row.gateway, row.batch] - row.accepted_at.timestamp()
        for row in finals.ballots()
        if (row.gateway, row.batch) in watch.seen
    ]
    print(f"{len(waited)} ballots were stored after {max(waited):.2f} s at most")
    assert len(waited) > 500
    assert max(waited) < NOTHING_LIES_S


def _must_have_answered(finals: Finals, lines: list[Line]) -> None:
    """A gateway that goes answers what it took; who comes too late finds nobody there."""
    assert {line.status for line in lines} <= {202, NO_ANSWER}
    receipts = {line.receipt for line in lines if line.receipt}
    finals.instance.wait_for(lambda: finals.stored() == len(receipts), 30, "all that was accepted")
    assert {row.tracker for row in finals.ballots()} == receipts


def _let_vote(finals: Finals, ballots: int = 250) -> None:
    before = finals.stored()
    finals.instance.wait_for(lambda: finals.stored() >= before + ballots, 60, "more ballots")


@pytest.mark.timeout(300)
def test_closing_while_people_vote_and_gateways_hang_or_die(
    begin_finals: Begin, servers: Borrowed, vhost: str
) -> None:
    finals = begin_finals(servers, vhost)
    finals.begin(replicas=2, gateways=2)
    # A gateway whose clock is late believes that the poll is open: only the broker stops it.
    late = finals.add_gateway(MARATHON_CLOCK_FILE="")
    with closing(Proxy(vhost)) as wire:
        hung = finals.add_gateway(MARATHON_AMQP_URL=wire.url)
        for port in (late, hung):
            finals.instance.wait_for(lambda at=port: finals.answers(at), 60, "a gateway")
        with finals.voting(connections=24, patience_s=60) as voting:
            _let_vote(finals)
            closes_at = finals.close(in_s=2)
            stopped_at = _hang(finals.gateway(3), wire)
            finals.sleep_until(closes_at)
            finals.gateway(0).kill()
            finals.instance.wait_for(lambda: _fenced(finals), 30, "the first closed lane")
            finals.instance.processes["voting#0"].kill()
            poll = finals.wait_closed(60)
            resumed_at = time.time()
            finals.gateway(3).process.send_signal(signal.SIGCONT)
            voting.stop()  # who waits for an answer still gets it
    under_way = [line for line in voting.lines if line.port == hung and line.at < stopped_at]
    _must_be_answered(
        [line for line in under_way if line.at + line.seconds > stopped_at], resumed_at
    )
    record, lanes = finals.count(), finals.lanes()
    assert finals.faults(voting.lines) == []
    # Completeness was proven before the closing, and is stated.
    assert record["intake"] == {
        "lanes": len(lanes),
        "batches": sum(lane.last for lane in lanes.values()),
        "unproven": 0,
    }
    assert all(lane.proven for lane in lanes.values())
    assert poll.received == record["accepted"] == finals.stored()
    _must_be_in_time(finals, voting.lines, closes_at)
    _must_know_the_fence(finals, voting.lines, late)


def _hang(gateway: Process, wire: Proxy) -> float:
    """Lets a gateway hang that has sent a batch, of which it does not know that it arrived."""
    wire.hold()
    time.sleep(0.3)  # all its voters wait for that by now
    gateway.process.send_signal(signal.SIGSTOP)
    wire.release()
    return time.time()


def _must_be_answered(under_way: list[Line], resumed_at: float) -> None:
    """It had ballots in its hands, and says the truth of each once it can."""
    assert len(under_way) > 1
    assert {line.status for line in under_way} <= {202, 503}
    assert min(line.at + line.seconds for line in under_way) > resumed_at


def _must_be_in_time(finals: Finals, lines: list[Line], closes_at: Any) -> None:
    accepted = [row.accepted_at for row in finals.ballots()]
    assert max(accepted) < closes_at
    # People voted to the last instant and beyond, and after it were told why not.
    assert max(accepted) > closes_at - timedelta(milliseconds=500)
    assert 409 in {line.status for line in lines if line.port == finals.ports[1]}


def _must_know_the_fence(finals: Finals, lines: list[Line], port: int) -> None:
    """What was cast after the lanes were closed has no receipt, whatever its gateway believes."""
    lanes = finals.lanes().values()
    first, last = (choose(lane.fenced_at.timestamp() for lane in lanes) for choose in (min, max))
    theirs = [line for line in lines if line.port == port]
    assert [line.receipt for line in theirs if line.at > last and line.receipt] == []
    assert [line for line in theirs if line.at > last and not line.receipt] != []
    assert [line for line in theirs if line.at < first and line.receipt] != []


def _fenced(finals: Finals) -> bool:
    return any(lane.fenced_at for lane in finals.lanes().values())
