"""Bulk messages on a real broker: nothing in a closed lane is lost, and nothing more gets in."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from kombu import Connection
from marshmallow import Schema, fields

from services.chassis.config import Settings
from services.chassis.confirms import BROKER_ERRORS, ConfirmingWire, NotConfirmed, Returned
from services.chassis.streams import Lane, Lanes, Stream, TailBusy, TailGone
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
    assert lanes.last("a") == {"number": 4}
    # It stays where it is: who looked may have died before it was kept.
    assert lanes.last("a") == {"number": 4}
    assert lanes.last("b") == {"number": 1}
    assert waiting(settings) == [0, 1, 2, 3, 4, 0, 1]


def test_nothing_gets_in_through_a_closed_lane(settings: Settings) -> None:
    lane = sent(settings, "a", 2)
    lanes = Lanes(PARCELS, settings)
    lanes.fence("a")
    lanes.fence("a")
    with pytest.raises(Returned):
        lane.send(2, {"number": 2})
    assert lanes.last("a") == {"number": 1}
    assert waiting(settings) == [0, 1]
    lane.close()


def test_a_lane_that_the_broker_lost_is_told_from_one_in_somebodys_hands(
    settings: Settings,
) -> None:
    sent(settings, "a", 1).close()
    lanes = Lanes(PARCELS, settings)
    with Connection(settings.amqp_url) as connection:
        assert connection.channel().basic_get(PARCELS.tail("a").name)
        with pytest.raises(TailBusy):
            lanes.last("a")
    assert lanes.last("a") == {"number": 0}
    lanes.forget("a")
    lanes.forget("a")
    with pytest.raises(TailGone):
        lanes.last("a")


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
