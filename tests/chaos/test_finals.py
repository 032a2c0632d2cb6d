"""Ballots under load while processes and servers die: each receipt is counted exactly once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.finals import Finals, faults, tails
from tests.servers import Borrowed

Begin = Callable[..., Finals]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Begins a final on servers of which the test says the addresses."""
    begun: list[Finals] = []

    def start(servers: Any, vhost: str, **extra: str) -> Finals:
        names = f"finals_{abs(hash(str(tmp_path))) % 10**8}_{{service}}"
        servers.create_database(names.replace("{service}", "voting"))
        url = servers.database_url.replace("{service}", names)
        begun.append(Finals(tmp_path, vhost, url, **extra))
        return begun[-1]

    yield start
    for finals in begun:
        finals.stop()


@pytest.mark.timeout(240)
def test_ballots_in_a_quiet_final(begin: Begin, servers: Borrowed, vhost: str) -> None:
    finals = begin(servers, vhost)
    finals.begin(replicas=2, gateways=2)
    with finals.voting(2000) as voting:
        pass
    assert [line[3] for line in voting.lines if line[3] != 202] == []
    finals.close()
    finals.wait_closed()
    ballots = finals.ballots()
    record = finals.count()
    assert faults(voting.lines, ballots, finals.box(), record) == []
    assert len(ballots) == len(voting.lines) > 1900
    assert record["intake"]["lanes"] == 2
    assert record["intake"]["unproven"] == 0


@pytest.mark.timeout(300)
def test_ballots_while_everything_dies(begin: Begin, own_servers: Borrowed) -> None:
    finals = begin(own_servers, own_servers.amqp_url)
    finals.begin(replicas=2, gateways=2)
    with finals.voting(most=10**9) as voting:
        killed = _trouble(finals, own_servers, kills=6)
        voting.stop()
    _must_be_whole(finals, voting.lines, least=1000)
    assert killed == 6


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_many_ballots_while_everything_dies_again_and_again(
    begin: Begin, own_servers: Borrowed
) -> None:
    finals = begin(own_servers, own_servers.amqp_url)
    finals.begin(replicas=2, gateways=2)
    kills = 0
    with finals.voting(most=10**9, connections=32, voters=50_000) as voting:
        while kills < 100 or _stored(finals) < 200_000:
            kills += _trouble(finals, own_servers, kills=10)
        voting.stop()
    _must_be_whole(finals, voting.lines, least=200_000)


def _trouble(finals: Finals, servers: Borrowed, kills: int) -> int:
    """Kills gateways and replicas, then each server once; scales voting up and down again."""
    chance = random.Random(kills)
    for _ in range(kills):
        time.sleep(chance.uniform(0.2, 1.0))  # for voters to vote, not for anything to be done
        victims = [name for name, process in finals.instance.processes.items() if process.wanted]
        finals.instance.processes[chance.choice(victims)].kill()
    servers.restart_rabbitmq(kill=True)
    finals.instance.start("voting#more")
    finals.wait_started("voting#more")
    servers.restart_postgres(kill=True)
    time.sleep(1)
    assert finals.instance.processes["voting#more"].halt() == 0
    return kills


def _stored(finals: Finals) -> int:
    with finals.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM ballots").scalar_one())


def _must_be_whole(finals: Finals, lines: list[Any], least: int) -> None:
    """Closes, with a gateway and a replica killed in the middle of it, and holds all receipts
    against what is counted."""
    finals.instance.processes[f"gateway#{finals.ports[0]}"].kill()
    finals.close()
    finals.instance.processes["voting#0"].kill()
    finals.wait_closed(120)
    ballots = finals.ballots()
    record = finals.count()
    assert faults(lines, ballots, finals.box(), record) == []
    receipts = sum(1 for line in lines if line[2])
    assert receipts >= least
    assert record["intake"]["unproven"] == 0
    with finals.engine.connect() as connection:
        lanes = [row.id for row in connection.exec_driver_sql("SELECT id FROM lanes")]
    assert record["intake"]["lanes"] == len(lanes) > 2
    finals.instance.wait_for(lambda: not tails(finals.settings.amqp_url, lanes), 30, "no tails")
    print(f"{receipts} receipts, {len(lines) - receipts} unanswered, {len(ballots)} stored")
