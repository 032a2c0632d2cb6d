"""Ballots under load while processes, servers and the network between them fail: each receipt
that was handed out is counted exactly once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import NamedTuple

import pytest

from tests.chaos.conftest import Begin
from tests.chaos.finals import Finals, Voting, Wires, tails
from tests.chaos.voters import NO_ANSWER, NOT_CONFIRMED, Line
from tests.servers import Borrowed

SILENT_S = 7.0
"""Longer than anybody waits for a confirmation or an answer."""

NOBODY_WAITS_S = 20.0
"""Nobody hangs, whatever is silent: some connections are tried one after the other."""

Trouble = Callable[[Wires], None]


class Dead(NamedTuple):
    """A gateway's port, and when it was killed by the machine's clock."""

    port: int
    at: float


@pytest.mark.timeout(240)
def test_ballots_in_a_quiet_final(begin_finals: Begin, servers: Borrowed, vhost: str) -> None:
    finals = begin_finals(servers, vhost)
    finals.begin(replicas=2, gateways=2)
    with finals.voting(2000, on_paper=90) as voting:
        pass
    assert [line.status for line in voting.lines if line.status != 202] == []
    finals.close()
    finals.wait_closed()
    record = finals.count()
    assert finals.faults(voting.lines) == []
    assert finals.told(voting.lines) == []
    assert record["accepted"] == len(voting.lines) > 1900
    assert [batch["used"] for batch in record["code_batches"]] == [90]
    assert record["intake"]["lanes"] == 2
    assert record["intake"]["unproven"] == 0


AROUND_A_TRANSACTION = {"voting@batch.received:ballots", "voting@batch.committed:ballots"}
"""Before its first statement; and after its commit, before anything of it is acknowledged."""


@pytest.mark.timeout(240)
def test_ballots_around_whose_transaction_a_replica_dies(
    begin_finals: Begin, servers: Borrowed, vhost: str
) -> None:
    crash_at = ",".join(AROUND_A_TRANSACTION)
    finals = begin_finals(servers, vhost, MARATHON_CRASH_AT=crash_at)
    finals.begin(replicas=2, gateways=1)
    with finals.voting(500, on_paper=20) as voting:
        pass
    assert [line.status for line in voting.lines if line.status != 202] == []
    assert {path.name for path in finals.instance.crashes.iterdir()} == AROUND_A_TRANSACTION
    finals.close()
    finals.wait_closed()
    record = finals.count()
    assert finals.faults(voting.lines) == []
    assert record["accepted"] == len(voting.lines) > 400


@pytest.mark.timeout(360)
def test_ballots_while_everything_fails(begin_finals: Begin, own_servers: Borrowed) -> None:
    finals = begin_finals(own_servers, own_servers.amqp_url, wired=True)
    finals.begin(replicas=2, gateways=2)
    with finals.voting(on_paper=2000) as voting:
        killed = _kill(finals, random.Random(1), 6)
        for trouble in (_break_all, _silence_all, _slow_down):
            _cut_off(finals, trouble)
        _restart_servers(finals, own_servers)
        _scale(finals)
        dead = _close_while_they_vote(finals, voting)
        voting.stop()
    _must_be_whole(finals, voting.lines, least=600)
    _must_have_had_some(voting.lines, dead)
    assert killed == 6


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_many_ballots_while_everything_fails_again_and_again(
    begin_finals: Begin, own_servers: Borrowed
) -> None:
    kills = _fail_again_and_again(begin_finals, own_servers, rounds=10, ballots=200_000)
    assert kills >= 100


def _fail_again_and_again(begin_finals: Begin, servers: Borrowed, rounds: int, ballots: int) -> int:
    """Ten kills, a failing network and failing servers in each round; answers how many kills."""
    finals = begin_finals(servers, servers.amqp_url, wired=True)
    finals.begin(replicas=2, gateways=2)
    chance, kills, troubles = random.Random(0), 0, cycle(_network_troubles())
    with finals.voting(connections=32, voters=50_000, on_paper=20_000) as voting:
        for number in range(1, rounds + 1):
            kills += _kill(finals, chance, 10)
            _cut_off(finals, next(troubles))
            _restart_servers(finals, servers)
            _scale(finals)
            wanted = ballots * number // rounds
            finals.instance.wait_for(lambda n=wanted: finals.stored() >= n, 300, "more ballots")
            print(f"round {number}: {kills} kills, {finals.stored()} stored", flush=True)
        dead = _close_while_they_vote(finals, voting)
        voting.stop()
    _must_be_whole(finals, voting.lines, least=ballots * 9 // 10)
    _must_have_had_some(voting.lines, dead)
    assert finals.stored() >= ballots
    return kills


def _kill(finals: Finals, chance: random.Random, kills: int) -> int:
    """Kills gateways and replicas again and again, while they work; how many."""
    processes, killed = finals.instance.processes, 0
    for _ in range(kills):
        name = chance.choice([each for each, process in processes.items() if process.wanted])
        finals.wait_started(name)  # who has not begun has nothing to lose
        time.sleep(chance.uniform(0.1, 0.8))  # for voters to vote, not for anything to be done
        killed += processes[name].process.poll() is None
        processes[name].kill()
    return killed


def _network_troubles() -> Iterator[Trouble]:
    """Each wire cut, silent for longer than anybody waits, and slow."""
    for name in ("of_gateways", "of_voting", "of_database"):
        yield partial(_break, name)
        yield partial(_silence, name)
    yield _slow_down


def _break(name: str, wires: Wires) -> None:
    getattr(wires, name).cut(lasting=True)


def _silence(name: str, wires: Wires) -> None:
    getattr(wires, name).silence()


def _break_all(wires: Wires) -> None:
    for wire in wires.all:
        wire.cut(lasting=True)


def _silence_all(wires: Wires) -> None:
    for wire in wires.all:
        wire.silence()


def _slow_down(wires: Wires) -> None:
    for wire in wires.all:
        wire.slow(0.05)


def _cut_off(finals: Finals, trouble: Trouble) -> None:
    assert finals.wires is not None
    trouble(finals.wires)
    time.sleep(SILENT_S)  # how long it lasts
    for wire in finals.wires.all:
        wire.mend()
    _wait_for_more(finals, 100)


def _restart_servers(finals: Finals, servers: Borrowed) -> None:
    servers.restart_rabbitmq(kill=True)
    _wait_for_more(finals, 100)
    servers.restart_postgres(kill=True)
    _wait_for_more(finals, 100)


def _scale(finals: Finals) -> None:
    """A replica comes and, asked to, goes."""
    replica = finals.add_replica("voting#more")
    finals.wait_started("voting#more")
    _wait_for_more(finals, 100)
    assert replica.halt() == 0


def _wait_for_more(finals: Finals, ballots: int) -> None:
    """Whatever was done, voting goes on."""
    before = finals.stored()
    finals.instance.wait_for(lambda: finals.stored() >= before + ballots, 60, "more ballots")


def _close_while_they_vote(finals: Finals, voting: Voting) -> Dead:
    """Closes, with a gateway killed a moment before it and a replica in the middle of it."""
    closes_at = finals.close(in_s=1)
    finals.sleep_until(closes_at - timedelta(milliseconds=200))
    port = voting.busiest()
    dead = Dead(port, time.time())
    finals.gateway(finals.ports.index(port)).kill()
    finals.sleep_until(closes_at)
    finals.instance.processes["voting#0"].kill()
    finals.wait_closed(120)
    return dead


def _must_have_had_some(lines: list[Line], dead: Dead) -> None:
    """The gateway died with ballots in its hands, and nobody voted after the closing."""
    theirs = [line for line in lines if line.port == dead.port and line.at < dead.at]
    lost = [line for line in theirs if line.at + line.seconds >= dead.at]
    statuses = {line.status for line in lost}
    assert NO_ANSWER in statuses
    # An answer may have been under way at that moment: its receipt is held against the count.
    assert statuses <= {NO_ANSWER, 202}
    assert 409 in {line.status for line in lines}


def _must_be_whole(finals: Finals, lines: list[Line], least: int) -> None:
    """Holds all receipts against what is counted, those of paper codes among them."""
    record, lanes = finals.count(), list(finals.lanes())
    assert finals.faults(lines) == []
    receipts = sum(1 for line in lines if line.receipt)
    assert receipts >= least
    assert max(line.seconds for line in lines) < NOBODY_WAITS_S
    assert record["intake"]["unproven"] == 0
    assert record["intake"]["lanes"] == len(lanes) > 2
    finals.instance.wait_for(lambda: not tails(finals.settings.amqp_url, lanes), 30, "no tails")
    _must_know_its_codes(finals, lines, sum(batch["used"] for batch in record["code_batches"]))
    print(f"{receipts} receipts, {len(lines) - receipts} without, {record['accepted']} stored")


def _must_know_its_codes(finals: Finals, lines: list[Line], used: int) -> None:
    on_paper = [line for line in lines if line.voter in finals.on_paper]
    answered = {line.voter for line in on_paper if line.receipt}
    again = {line.voter for line in on_paper if line.status in NOT_CONFIRMED}
    assert len(answered) <= used <= len(answered | again)
    # Some of them were cast again and again until they were answered.
    assert answered & again
    print(f"{len(answered)} receipts of paper codes, {len(answered & again)} of them repeated")
