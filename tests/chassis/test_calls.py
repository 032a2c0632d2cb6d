"""Calls over a wire that fails: whoever asks is told in time, also by a broker that is silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from kombu import Connection, Exchange, Queue

from services.chassis.calls import Caller
from services.chassis.config import Settings
from services.chassis.errors import Unavailable
from tests.proxy import Proxy

IN_TIME_S = 15.0
"""A connection, a confirmation and its second try, each of which is waited for a while."""


@pytest.fixture
def wire(vhost: str) -> Iterator[Proxy]:
    """A wire to a broker with the queue of a service that never answers."""
    calls = Exchange("nameko-rpc", type="topic", durable=True)
    with Connection(vhost) as connection:
        Queue("rpc-potter", calls, "potter.*", durable=True)(connection.channel()).declare()
    proxy = Proxy(vhost)
    yield proxy
    proxy.close()


def seconds_to_unavailable(caller: Caller) -> float:
    """How long a call takes that gets no answer."""
    began = time.monotonic()
    with pytest.raises(Unavailable):
        caller.call("potter", "make_pot", {}, deadline_s=1.0)
    return time.monotonic() - began


@pytest.mark.parametrize("silent_after_s", [0.0, 0.5])
def test_a_silent_broker_is_not_waited_for(wire: Proxy, silent_after_s: float) -> None:
    caller = Caller(Settings(amqp_url=wire.url))
    # The connections are there: one that publishes, one that waits for the answer.
    assert seconds_to_unavailable(caller) < IN_TIME_S
    caller.free.append(caller._connect())
    threading.Timer(silent_after_s, wire.silence).start()
    time.sleep(0.0 if silent_after_s else 0.1)
    assert seconds_to_unavailable(caller) < IN_TIME_S
    assert seconds_to_unavailable(caller) < IN_TIME_S
    wire.mend()
    assert seconds_to_unavailable(caller) < 3.0
    caller.close()


def test_an_answer_is_waited_for_over_a_broken_connection(wire: Proxy, vhost: str) -> None:
    """What broke meanwhile is made anew: the answer may be there already."""
    caller = Caller(Settings(amqp_url=wire.url))
    caller.free.append(caller._connect())
    threading.Timer(0.5, wire.cut).start()
    threading.Thread(target=_answer_late, args=(vhost,), daemon=True).start()
    assert caller.call("potter", "make_pot", {}, deadline_s=5.0) == "a pot"
    caller.close()


def _answer_late(vhost: str) -> None:
    with Connection(vhost) as connection:
        channel = connection.channel()
        while (asked := channel.basic_get("rpc-potter", no_ack=True)) is None:
            time.sleep(0.05)
        time.sleep(1.0)  # the wire is cut meanwhile
        answer = {"result": {"ok": "a pot"}, "error": None}
        connection.Producer(channel).publish(
            answer,
            exchange="nameko-rpc",
            routing_key=asked.properties["reply_to"],
            correlation_id=asked.properties["correlation_id"],
        )
