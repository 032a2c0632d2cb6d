"""Ending while people vote: a gateway or replica that is asked to go, and the poll itself."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from typing import Any

import pytest

from tests.chaos.conftest import Begin
from tests.chaos.finals import Finals
from tests.chaos.voters import NO_ANSWER, Line
from tests.servers import Borrowed

NOBODY_WAITS_S = 2.0
"""Of two busy cores; without a gateway's end the slowest answers take half a second here."""


@pytest.mark.timeout(240)
def test_who_is_asked_to_stop_loses_nothing_and_delays_nobody(
    begin_finals: Begin, servers: Borrowed, vhost: str
) -> None:
    finals = begin_finals(servers, vhost)
    finals.begin(replicas=2, gateways=3)
    with finals.voting() as voting:
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
    finals.close()
    finals.wait_closed()
    finals.count()
    assert finals.faults(voting.lines) == []


def _must_have_answered(finals: Finals, lines: list[Line]) -> None:
    """A gateway that goes answers what it took; who comes too late finds nobody there."""
    assert {line.status for line in lines} <= {202, NO_ANSWER}
    receipts = {line.receipt for line in lines if line.receipt}
    finals.instance.wait_for(lambda: finals.stored() == len(receipts), 30, "all that was accepted")
    assert {row.tracker for row in finals.ballots()} == receipts


def _let_vote(finals: Finals, ballots: int = 500) -> None:
    before = finals.stored()
    finals.instance.wait_for(lambda: finals.stored() >= before + ballots, 60, "more ballots")


@pytest.mark.timeout(300)
def test_closing_while_people_vote_and_gateways_hang_or_die(
    begin_finals: Begin, servers: Borrowed, vhost: str
) -> None:
    finals = begin_finals(servers, vhost)
    finals.begin(replicas=2, gateways=3)
    # A gateway whose clock is late believes that the poll is open: only the broker stops it.
    late = finals.add_gateway(MARATHON_CLOCK_FILE="")
    finals.instance.wait_for(lambda: finals.answers(late), 60, "a gateway")
    hung = finals.gateway(0)
    with finals.voting(connections=24, patience_s=15) as voting:
        _let_vote(finals)
        closes_at = finals.close(in_s=2)
        hung.process.send_signal(signal.SIGSTOP)
        _sleep_until(finals, closes_at)
        finals.gateway(1).kill()
        finals.instance.wait_for(lambda: _fenced(finals), 30, "the first closed lane")
        finals.instance.processes["voting#0"].kill()
        poll = finals.wait_closed(60)
        hung.process.send_signal(signal.SIGCONT)
        time.sleep(2)  # for it to answer what it has, and for voters to go on voting
        voting.stop()
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


def _must_be_in_time(finals: Finals, lines: list[Line], closes_at: Any) -> None:
    accepted = [row.accepted_at for row in finals.ballots()]
    assert max(accepted) < closes_at
    # People voted to the last instant and beyond, and after it were told why not.
    assert max(accepted) > closes_at - timedelta(milliseconds=500)
    assert 409 in {line.status for line in lines if line.port == finals.ports[2]}


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


def _sleep_until(finals: Finals, instant: Any) -> None:
    time.sleep(max(0.0, (instant - finals.clock.now()).total_seconds()))
