"""The courier on a real broker: what is put in arrives, what is read has one effect or comes
again, and nobody waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from kombu import Connection

from services.chassis import courier, topology
from services.chassis.config import Settings
from services.chassis.confirms import BROKER_ERRORS, ConfirmingWire, NotConfirmed, Outgoing
from services.chassis.courier import MOST_IN, Destination, Outcome, Parcel
from services.chassis.courier_amqp import TRIES, BrokerCarrier, Inlet
from tests.chassis.depots import AnyDepot
from tests.proxy import Proxy

BETA, GAMMA = Destination("beta", "amqp"), Destination("gamma", "amqp")
WEB = Destination("web", "https", "https://web.example.org")


@pytest.fixture
def settings(vhost: str) -> Settings:
    return Settings(instance="alpha", secret=b"x" * 32, amqp_url=vhost, confirm_timeout_s=5.0)


@pytest.fixture
def depot() -> AnyDepot:
    return AnyDepot(BETA, GAMMA, WEB)


@pytest.fixture
def inlet(settings: Settings, depot: AnyDepot) -> Iterator[Inlet]:
    """Somebody who reads, and has begun."""
    made = Inlet(settings, "registration", depot)
    made.step()
    yield made
    made.close()


def until(inlet: Inlet, condition: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come"
        inlet.step()


def send(settings: Settings, partner: str, *bodies: bytes, key: str | None = None) -> None:
    """What a partner's shovel does."""
    wire = ConfirmingWire(settings)
    try:
        wire.send(
            [
                Outgoing(str(number), courier.IN, key or f"from.{partner}", body)
                for number, body in enumerate(bodies)
            ]
        )
    finally:
        wire.close()


def count(settings: Settings, queue: str) -> int:
    with Connection(settings.amqp_url) as connection:
        found: int = connection.channel().queue_declare(queue, passive=True).message_count
        return found


def parcel(number: int, size: int = 10) -> Parcel:
    return Parcel(f"p{number}", f"{number}".encode().ljust(size))


# --- out ----------------------------------------------------------------------------------


def test_parcels_are_put_in_the_partners_queue(settings: Settings) -> None:
    carrier, outcome = BrokerCarrier(settings, BETA), Outcome()
    carrier.hand_over([parcel(1), parcel(2)], outcome)
    assert outcome == Outcome(taken={"p1": None, "p2": None})
    with Connection(settings.amqp_url) as connection:
        message = connection.channel().basic_get("relay.out.beta")
    assert message.body == "1         "
    assert message.properties["delivery_mode"] == 2
    assert message.properties["message_id"] == "p1"
    assert message.properties["content_type"] == "application/json"
    carrier.close()


def test_a_queue_that_is_gone_is_made_again(settings: Settings) -> None:
    carrier, outcome = BrokerCarrier(settings, BETA), Outcome()
    carrier.hand_over([parcel(1)], outcome)
    with Connection(settings.amqp_url) as connection:
        connection.channel().queue_delete("relay.out.beta")
    carrier.hand_over([parcel(1), parcel(2)], outcome)
    assert (list(outcome.taken), outcome.failed) == (["p1", "p2"], None)
    assert count(settings, "relay.out.beta") == 1
    carrier.close()


def test_a_full_queue_refuses_and_nothing_is_lost(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "MOST_OUT", 5)
    carrier, outcome = BrokerCarrier(settings, BETA), Outcome()
    for number in range(30):
        if outcome.failed is None:
            carrier.hand_over([parcel(number)], outcome)
    assert outcome.failed is not None
    assert 5 <= len(outcome.taken) <= 10
    assert count(settings, "relay.out.beta") == len(outcome.taken)
    carrier.close()


def test_a_broker_that_is_away_takes_nothing_and_one_that_is_back_does(
    settings: Settings,
) -> None:
    proxy = Proxy(settings.amqp_url)
    through = Settings(secret=b"x" * 32, amqp_url=proxy.url, confirm_timeout_s=1.0)
    carrier, outcome = BrokerCarrier(through, BETA), Outcome()
    carrier.hand_over([parcel(1)], outcome)
    proxy.cut(lasting=True)
    carrier.hand_over([parcel(1), parcel(2)], outcome)
    assert outcome.failed is not None and outcome.failed[0] == "p2"
    assert list(outcome.taken) == ["p1"]
    proxy.mend()
    outcome.failed = None
    carrier.hand_over([parcel(1), parcel(2)], outcome)
    assert (list(outcome.taken), outcome.failed) == (["p1", "p2"], None)
    carrier.close()
    proxy.close()


def test_a_broker_that_is_silent_is_given_up(settings: Settings) -> None:
    proxy = Proxy(settings.amqp_url)
    through = Settings(secret=b"x" * 32, amqp_url=proxy.url, confirm_timeout_s=0.5)
    carrier, outcome = BrokerCarrier(through, BETA), Outcome()
    carrier.hand_over([parcel(1)], outcome)
    proxy.hold()
    began = time.monotonic()
    carrier.hand_over([parcel(1), parcel(2)], outcome)
    assert outcome.failed is not None and outcome.failed[0] == "p2"
    assert time.monotonic() - began < 10
    carrier.close()
    proxy.close()


def test_topology_has_what_partners_need(settings: Settings) -> None:
    names = topology.apply(settings, ["beta"])
    assert {"relay.out", "relay.in", "relay.out.beta", "relay.in.beta"} <= set(names)
    assert topology.apply(settings, ["beta"]) == names


def test_queues_are_those_that_are_declared_for_the_operator() -> None:
    from deploy.relay import definitions

    document = definitions.with_partner(definitions.empty("/"), "beta")
    declared = {queue["name"]: queue["arguments"] for queue in document["queues"]}
    ours = (courier.out_queue("beta"), courier.in_queue("beta"))
    assert declared == {queue.name: queue.queue_arguments for queue in ours}
    bound = {
        (one["source"], one["destination"], one["routing_key"]) for one in document["bindings"]
    }
    assert bound == {
        (each.exchange.name, queue.name, each.routing_key)
        for queue in ours
        for each in queue.bindings
    }


# --- in -----------------------------------------------------------------------------------


def test_what_a_partner_sent_is_read_in_its_order(
    settings: Settings, depot: AnyDepot, inlet: Inlet
) -> None:
    send(settings, "beta", *[b"%d" % number for number in range(50)])
    until(inlet, lambda: len(depot.taken) == 50)
    assert depot.of("beta") == [b"%d" % number for number in range(50)]
    inlet.close()
    assert count(settings, "relay.in.beta") == 0


def test_what_was_not_acknowledged_comes_again(
    settings: Settings, depot: AnyDepot, inlet: Inlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: Any) -> None:
        raise ConnectionResetError("killed between the effect and the acknowledgement")

    monkeypatch.setattr("services.chassis.courier_amqp.crash_point", die)
    send(settings, "beta", b"once")
    with pytest.raises(ConnectionResetError):
        until(inlet, lambda: False)
    monkeypatch.undo()
    inlet.close()
    until(inlet, lambda: len(depot.taken) == 2)
    assert depot.of("beta") == [b"once", b"once"]


def test_only_one_of_two_readers_has_a_partners_queue(
    settings: Settings, depot: AnyDepot, inlet: Inlet
) -> None:
    other_depot = AnyDepot(BETA)
    other = Inlet(settings, "registration", other_depot)
    other.step()
    send(settings, "beta", b"1", b"2", b"3")
    end = time.monotonic() + 20
    while len(depot.taken) < 3 and time.monotonic() < end:
        inlet.step()
        other.step()
    assert (depot.of("beta"), other_depot.taken) == ([b"1", b"2", b"3"], [])
    inlet.close()
    send(settings, "beta", b"4")
    until(other, lambda: other_depot.taken)
    assert other_depot.of("beta") == [b"4"]
    other.close()


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"\x00" * 100, b"[" * 100_000, b"x" * (1024 * 1024 + 1)]
)
def test_any_bytes_are_handed_on_as_they_are(
    settings: Settings, depot: AnyDepot, inlet: Inlet, body: bytes
) -> None:
    # ConfirmingWire says that all of it is UTF-8; whoever sends may lie.
    send(settings, "beta", body)
    until(inlet, lambda: depot.taken)
    assert depot.taken == [("beta", body)]


def test_a_message_with_nonsense_around_it_is_handed_on(
    settings: Settings, depot: AnyDepot, inlet: Inlet
) -> None:
    with Connection(settings.amqp_url) as connection:
        for encoding, kind in (("klingon", "x/y"), ("binary", ""), ("utf-16", "application/json")):
            connection.Producer().publish(
                b"odd",
                exchange="relay.in",
                routing_key="from.beta",
                content_type=kind,
                content_encoding=encoding,
                headers={"x-odd": [1, {"a": None}]},
            )
    until(inlet, lambda: len(depot.taken) == 3)
    assert depot.of("beta") == [b"odd"] * 3


def test_a_message_that_we_stumble_over_is_tried_and_dropped_and_the_next_is_read(
    settings: Settings, depot: AnyDepot, inlet: Inlet
) -> None:
    depot.broken_by = {b"stone"}
    tried: list[bytes] = []
    receive = depot.receive

    def counted(raw: bytes, via: str) -> str:
        tried.append(raw)
        return receive(raw, via)

    depot.receive = counted  # type: ignore[method-assign]
    send(settings, "beta", b"stone", b"after")
    send(settings, "gamma", b"other")
    until(inlet, lambda: len(depot.taken) == 2)
    until(inlet, lambda: tried.count(b"stone") == TRIES)
    assert sorted(raw for _via, raw in depot.taken) == [b"after", b"other"]
    inlet.close()
    assert count(settings, "relay.in.beta") == 0


def test_a_database_that_is_away_loses_nothing_and_the_connection_lives_on(
    settings: Settings, depot: AnyDepot, inlet: Inlet
) -> None:
    depot.away = True
    send(settings, "beta", b"1", b"2")
    until(inlet, lambda: inlet.waiting)
    connection = inlet.connection
    end = time.monotonic() + 3
    while time.monotonic() < end:
        inlet.step()
    assert depot.taken == []
    depot.away = False
    until(inlet, lambda: len(depot.taken) == 2)
    assert inlet.connection is connection
    assert depot.of("beta") == [b"1", b"2"]


def test_partners_come_and_go_without_a_restart(
    settings: Settings, depot: AnyDepot, inlet: Inlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.chassis.courier_amqp.LOOK_S", 0.0)
    depot.partners = [GAMMA, Destination("delta", "amqp")]
    inlet.step()
    send(settings, "delta", b"new")
    send(settings, "beta", b"removed")
    until(inlet, lambda: depot.taken)
    for _ in range(3):
        inlet.step()
    assert depot.taken == [("delta", b"new")]
    assert count(settings, "relay.in.beta") == 1
    depot.partners = [BETA]
    until(inlet, lambda: len(depot.taken) == 2)
    assert depot.taken[-1] == ("beta", b"removed")


def test_partners_of_https_have_no_queue(settings: Settings, inlet: Inlet) -> None:
    assert sorted(inlet.channels) == ["beta", "gamma"]


def test_a_queue_made_otherwise_keeps_nobody_else_from_theirs(
    settings: Settings, depot: AnyDepot
) -> None:
    with Connection(settings.amqp_url) as connection:
        connection.channel().queue_declare("relay.in.beta", durable=True, auto_delete=False)
    inlet = Inlet(settings, "registration", depot)
    inlet.step()
    send(settings, "gamma", b"fine")
    until(inlet, lambda: depot.taken)
    assert depot.taken == [("gamma", b"fine")]
    inlet.close()


def test_a_queue_that_is_deleted_is_made_again(
    settings: Settings, depot: AnyDepot, inlet: Inlet
) -> None:
    with Connection(settings.amqp_url) as connection:
        connection.channel().queue_delete("relay.in.beta")
    with pytest.raises(BROKER_ERRORS):
        until(inlet, lambda: False)
    inlet.close()
    inlet.step()
    send(settings, "beta", b"again")
    until(inlet, lambda: depot.taken)
    inlet.close()


def test_another_partners_key_comes_by_its_own_queue_only(
    settings: Settings, depot: AnyDepot, inlet: Inlet
) -> None:
    """The broker keeps a user to its key; whoever gets round that is still told by ``via``."""
    send(settings, "beta", b"mine", key="from.beta.more")
    with pytest.raises(NotConfirmed):
        send(settings, "beta", b"nobody's", key="from.nobody")
    until(inlet, lambda: depot.taken)
    assert depot.taken == [("beta", b"mine")]


# --- nobody waits for another -------------------------------------------------------------


def test_a_flood_of_one_delays_another_by_a_message_or_two(
    settings: Settings, depot: AnyDepot, inlet: Inlet
) -> None:
    cost = 0.01
    receive = depot.receive

    def slow(raw: bytes, via: str) -> str:
        time.sleep(cost)
        return receive(raw, via)

    depot.receive = slow  # type: ignore[method-assign]
    stop = threading.Event()
    flood = threading.Thread(target=_flood, args=(settings, stop))
    flood.start()
    try:
        until(inlet, lambda: len(depot.of("beta")) > 50)
        behind = []
        for number in range(20):
            send(settings, "gamma", b"%d" % number)
            before = len(depot.of("beta"))
            until(inlet, partial(_has, depot, "gamma", number + 1))
            behind.append(len(depot.of("beta")) - before)
    finally:
        stop.set()
        flood.join()
    # By turns: one of the flood's may be at work and one on its way; all of its 200 wait longer.
    assert sorted(behind)[len(behind) // 2] <= 2
    assert max(behind) <= 5
    assert depot.of("gamma") == [b"%d" % number for number in range(20)]
    # And its queue is bounded: what is more was refused.
    inlet.close()
    assert count(settings, "relay.in.beta") <= MOST_IN * 1.1


def _has(depot: AnyDepot, partner: str, number: int) -> bool:
    return len(depot.of(partner)) == number


def _flood(settings: Settings, stop: threading.Event) -> None:
    with Connection(settings.amqp_url) as connection:
        producer = connection.Producer()
        while not stop.is_set():
            producer.publish(b"flood", exchange="relay.in", routing_key="from.beta")
            time.sleep(0.0005)
