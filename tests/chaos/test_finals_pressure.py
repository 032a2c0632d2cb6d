"""A broker that takes nothing: voters are told at once, the gateway does not grow, and all goes on
by itself when it takes again."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from statistics import median

import psutil
import pytest

from tests.chaos.conftest import Begin
from tests.chaos.finals import Finals
from tests.chaos.voters import Line
from tests.servers import Borrowed

REFUSED = 2_000
NOBODY_WAITS_S = 15.0
PORTIONS = 12
STEP_MB = 0.25
"""What a gateway may grow by over most portions: 125 bytes for each refusal would be more. A leak
shows in every portion; a peak of voters at once, in one of them."""
PEAKS_MB = 20.0
"""And altogether, with all peaks."""

Way = Callable[[Borrowed, Finals], None]


def alarm(servers: Borrowed, _finals: Finals) -> None:
    servers.rabbitmq.evaluate('rabbit_disk_monitor:set_disk_free_limit("100000000GB").')


def no_alarm(servers: Borrowed, _finals: Finals) -> None:
    servers.rabbitmq.evaluate('rabbit_disk_monitor:set_disk_free_limit("50MB").')


def away(servers: Borrowed, _finals: Finals) -> None:
    servers.kill_rabbitmq()


def back(servers: Borrowed, _finals: Finals) -> None:
    servers.rabbitmq.up()


def full(servers: Borrowed, finals: Finals) -> None:
    """Nobody empties the queue, and there is room for a few batches."""
    finals.instance.processes["voting#0"].halt()
    servers.rabbitmq.evaluate(
        'rabbit_policy:set(<<"/">>, <<"full">>, <<"^voting.ballots$">>,'
        ' [{<<"max-length-bytes">>, 20000}], 1, <<"queues">>, <<"marathon">>).'
    )


def emptied(servers: Borrowed, finals: Finals) -> None:
    servers.rabbitmq.evaluate('rabbit_policy:delete(<<"/">>, <<"full">>, <<"marathon">>).')
    finals.instance.processes["voting#0"].resume()


WAYS = pytest.mark.parametrize(
    ("begins", "ends"),
    [
        pytest.param(alarm, no_alarm, id="disk alarm"),
        pytest.param(away, back, id="broker away"),
        pytest.param(full, emptied, id="queue full"),
    ],
)


@WAYS
@pytest.mark.timeout(240)
def test_a_broker_that_takes_nothing(
    begin_finals: Begin, own_servers: Borrowed, begins: Way, ends: Way
) -> None:
    finals = begin_finals(own_servers, own_servers.amqp_url)
    finals.begin(replicas=1, gateways=1)
    lines = _cast(finals, 300)
    assert 202 in {line.status for line in lines}
    with _taking_nothing(own_servers, finals, begins, ends):
        lines += _cast(finals, REFUSED // 4)  # of which the first may still be taken
        refused = _cast(finals, REFUSED)
        lines += _must_say_so(finals)
    assert {line.status for line in refused} == {503}
    assert max(line.seconds for line in refused) < NOBODY_WAITS_S
    finals.instance.wait_for(lambda: _accepted_again(finals, lines), 60, "a receipt")
    assert finals.gateway(0).restarts == 0
    lines += refused
    finals.close()
    finals.wait_closed()
    finals.count()
    assert finals.faults(lines) == []


@WAYS
@pytest.mark.long
@pytest.mark.timeout(480)
def test_who_refuses_does_not_grow(
    begin_finals: Begin, own_servers: Borrowed, begins: Way, ends: Way
) -> None:
    finals = begin_finals(own_servers, own_servers.amqp_url)
    finals.begin(replicas=1, gateways=1)
    memory: list[float] = []
    with _taking_nothing(own_servers, finals, begins, ends):
        for _ in range(PORTIONS):
            assert 503 in {line.status for line in _cast(finals, REFUSED)}
            memory.append(_memory(finals))
    print("MB after each portion:", *(f"{each:.1f}" for each in memory))
    assert median(later - earlier for earlier, later in pairwise(memory)) < STEP_MB
    assert memory[-1] - memory[0] < PEAKS_MB


@contextmanager
def _taking_nothing(servers: Borrowed, finals: Finals, begins: Way, ends: Way) -> Iterator[None]:
    begins(servers, finals)
    try:
        yield
    finally:
        ends(servers, finals)


def _cast(finals: Finals, ballots: int) -> list[Line]:
    with finals.voting(ballots, connections=64) as voting:
        pass
    return voting.lines


def _memory(finals: Finals) -> float:
    """Resident memory of the gateway, in MB."""
    return float(psutil.Process(finals.gateway(0).process.pid).memory_info().rss / 1e6)


def _must_say_so(finals: Finals) -> list[Line]:
    """The truth, on the API and on the page, with when to come back; what was cast for it."""
    (given,) = finals.make_passes(1)
    ballot = {"pass": given, "project": "wool"}
    path = f"/api/v1/polls/{finals.poll_id}/ballots"
    status, headers, text = _post(finals, path, json.dumps(ballot), "application/json")
    assert (status, json.loads(text)["code"]) == (503, "ballot_not_confirmed")
    assert int(headers["Retry-After"]) >= 1
    form = urllib.parse.urlencode({"poll": finals.poll_id, **ballot})
    status, headers, text = _post(
        finals, "/vote/changer", form, "application/x-www-form-urlencoded"
    )
    assert status == 503
    assert int(headers["Retry-After"]) >= 1
    assert "n’est pas confirmé" in text
    assert "un seul vote compte" in text
    return [Line(0, "wool", None, 503, 0.0, time.time(), finals.ports[0])] * 2


def _post(finals: Finals, path: str, body: str, kind: str) -> tuple[int, dict[str, str], str]:
    here = f"http://127.0.0.1:{finals.ports[0]}"
    headers = {"Content-Type": kind, "Origin": here}
    request = urllib.request.Request(f"{here}{path}", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def _accepted_again(finals: Finals, lines: list[Line]) -> bool:
    """Whether a ballot gets its receipt, without anybody's help."""
    cast = _cast(finals, 64)
    lines += cast
    return cast[-1].status == 202
