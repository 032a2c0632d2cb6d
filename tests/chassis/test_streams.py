"""Bulk messages on a real broker: nothing in a closed lane is lost, and nothing more gets in."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import amqp
import pytest
from kombu import Connection
from marshmallow import Schema, fields

from deploy.local.process import wait_until
from services.chassis.config import Settings
from services.chassis.confirms import BROKER_ERRORS, ConfirmingWire, NotConfirmed, Returned
from services.chassis.streams import TAIL, Lane, Lanes, Stream, TailBusy, TailGone
from tests.proxy import Proxy


class Parcel(Schema):
    """What goes through the stream of these tests."""

    about = fields.String()
    number = fields.Integer()


PARCELS = Stream("potter", "parcels", Parcel, "about")


@pytest.fixture
def settings(vhost: str) -> Settings:
    """Settings of a broker on which the stream is declared."""
    with Connection(vhost) as connection:
        channel = connection.channel()
        PARCELS.exchange(channel).declare()
        PARCELS.queue(channel).queue_declare()
    return Settings(amqp_url=vhost, confirm_timeout_s=2.0)


def sent(settings: Settings, name: str, numbers: int) -> Lane:
    """A lane through which so many messages went, the first being number 0."""
    lane = Lane(PARCELS, name, settings)
    lane.open()
    send_all(lane, numbers)
    return lane


def send_all(lane: Lane, numbers: int) -> None:
    """Sends messages until one is not confirmed."""
    for number in range(numbers):
        lane.send(number, {"number": number})


def waiting(settings: Settings) -> list[int]:
    """What waits in the stream, taken out."""
    found = []
    with Connection(settings.amqp_url) as connection:
        channel = connection.channel()
        while message := channel.basic_get(PARCELS.address, no_ack=True):
            found.append(Parcel().loads(message.body)["number"])
    return found


def test_last_message_of_a_lane_is_known_without_its_sender(settings: Settings) -> None:
    sent(settings, "a", 5).close()
    sent(settings, "b", 2).close()
    lanes = Lanes(PARCELS, settings)
    lanes.fence("a")
    assert lanes.latest("a")[-1] == {"number": 4}
    # It stays where it is: who looked may have died before it was kept.
    assert lanes.latest("a")[-1] == {"number": 4}
    assert lanes.latest("b") == [{"number": 0}, {"number": 1}]
    assert not lanes.is_empty()
    assert waiting(settings) == [0, 1, 2, 3, 4, 0, 1]
    assert lanes.is_empty()


def test_nothing_gets_in_through_a_closed_lane(settings: Settings) -> None:
    lane = sent(settings, "a", 2)
    lanes = Lanes(PARCELS, settings)
    lanes.fence("a")
    lanes.fence("a")
    with pytest.raises(Returned):
        lane.send(2, {"number": 2})
    assert lanes.latest("a")[-1] == {"number": 1}
    assert waiting(settings) == [0, 1]
    lane.close()


def test_a_lane_that_the_broker_lost_is_told_from_one_in_somebodys_hands(
    settings: Settings,
) -> None:
    sent(settings, "a", 1).close()
    lanes = Lanes(PARCELS, settings)
    with Connection(settings.amqp_url) as connection:
        channel = connection.channel()
        channel.basic_consume(PARCELS.tail("a").name, exclusive=True, callback=[].append)
        with pytest.raises(TailBusy):
            lanes.latest("a")
    assert lanes.latest("a") == [{"number": 0}]
    with Connection(settings.amqp_url) as connection:
        connection.channel().queue_purge(PARCELS.tail("a").name)
    assert lanes.latest("a") == []
    lanes.forget("a")
    lanes.forget("a")
    lanes.fence("a")
    with pytest.raises(TailGone):
        lanes.latest("a")


@pytest.mark.parametrize(
    ("told", "raised"),
    [
        ("NOT_FOUND - no queue 'museum.parcels.tail.a' in vhost '/'", TailGone),
        ("NOT_FOUND - queue 'x' in vhost '/' process is stopped by supervisor", TailBusy),
        ("NOT_FOUND - home node 'b@b' of durable queue 'x' is down or inaccessible", TailBusy),
    ],
)
def test_a_tail_whose_node_is_away_is_not_lost(told: str, raised: type[Exception]) -> None:
    """A lone broker has no such node: what RabbitMQ 3.10 says is said here in its place."""

    class Away(Lanes):
        @contextmanager
        def _channel(self) -> Iterator[Any]:
            def consume(*_args: Any, **_kwargs: Any) -> None:
                raise amqp.exceptions.NotFound(told, (60, 20))

            yield SimpleNamespace(basic_consume=consume)

    with pytest.raises(raised):
        Away(PARCELS, Settings()).latest("a")


def test_only_the_end_of_a_lane_is_kept_and_many_look_at_it(settings: Settings) -> None:
    sent(settings, "a", TAIL + 5).close()
    lanes = Lanes(PARCELS, settings)
    lanes.fence("a")
    whole = [{"number": number} for number in range(5, TAIL + 5)]

    def look(_number: int) -> list[Any] | None:
        try:
            return lanes.latest("a")
        except TailBusy:
            return None

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(look, range(40)))
    # Whoever could look saw all of it.
    assert [each for each in found if each is not None and each != whole] == []
    assert whole in found


def test_a_lane_is_closed_for_both_its_queues_at_one_stroke(settings: Settings) -> None:
    """However many lanes are closed while messages come: what is in one queue is in the other."""
    lanes = Lanes(PARCELS, settings)
    with ThreadPoolExecutor(1) as pool:
        for name in "abcdefgh":
            lane = sent(settings, name, 1)
            sending = pool.submit(send_all, lane, 100_000)
            wait_until(lambda: not lanes.is_empty(), 10)
            lanes.fence(name)
            with pytest.raises(Returned):
                sending.result(30)
            lane.close()
            assert lanes.latest(name)[-1]["number"] == waiting(settings)[-1]


def test_a_message_that_is_not_confirmed_is_not_said_to_be(vhost: str, settings: Settings) -> None:
    wire = Proxy(vhost)
    try:
        lane = sent(Settings(amqp_url=wire.url, confirm_timeout_s=0.5), "a", 1)
        wire.hold()
        with pytest.raises(NotConfirmed):
            lane.send(1, {"number": 1})
        wire.release()
        # The same again, for it may have arrived, and it had.
        lane.send(1, {"number": 1})
        assert waiting(settings) == [0, 1, 1]
        wire.hold()
        with pytest.raises(BROKER_ERRORS):
            Lanes(PARCELS, Settings(amqp_url=wire.url, connect_timeout_s=1)).fence("a")
    finally:
        wire.close()


def test_a_connection_that_was_dropped_holds_no_memory(settings: Settings) -> None:
    gc.disable()
    try:
        wire = ConfirmingWire(settings)
        writer = weakref.ref(wire.open().connection.frame_writer)
        wire.close()
        assert writer() is None
    finally:
        gc.enable()


def test_a_full_stream_refuses(settings: Settings, vhost: str) -> None:
    with Connection(vhost) as connection:
        channel = connection.channel()
        channel.queue_delete(PARCELS.address)
        arguments: dict[str, Any] = {**PARCELS.queue.queue_arguments, "x-max-length-bytes": 100}
        channel.queue_declare(PARCELS.address, durable=True, auto_delete=False, arguments=arguments)
    lane = Lane(PARCELS, "a", settings)
    lane.open()
    with pytest.raises(NotConfirmed):
        send_all(lane, 50)
    lane.close()
