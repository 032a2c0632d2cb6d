"""Bulk messages, and how one knows that all of them have come (ADR 0011).

A *stream* is one quorum queue of a service, which any number of its replicas empty, many
messages at a time. Who sends into it is told "accepted" by the broker, and does so through a
*lane* of its own: its messages are numbered 0, 1, 2 …, and the next is sent when the one before
was confirmed, however often that takes. Beside the stream the broker keeps each lane's last
messages in a queue of the lane's, its *tail*; a message is confirmed when both have it on disk.

So who closes a lane need not ask its sender, which may be dead: it takes the lane's one binding
away, after which nothing that is sent there is confirmed as taken, and reads the tail. The
highest number there is the lane's last; all numbers before it must arrive.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import amqp
from kombu import Exchange, Queue
from marshmallow import RAISE, Schema

from services.chassis import failures
from services.chassis.catalogue import instance
from services.chassis.config import Settings
from services.chassis.confirms import ConfirmingWire, Outgoing, abandon, connect
from services.chassis.quorum import QUORUM

MOST_WAITING_BYTES = 512 * 1024 * 1024
"""A stream that nobody empties refuses what is more, rather than fill the broker's disk."""


TAIL = 8
"""How many messages the end of a lane holds. One would do, if all came in their order; but one
that was given up may still lie in a dead connection, and come after its successors."""


class TailGone(Exception):
    """A lane's tail is not there: somebody has emptied the broker."""


class TailBusy(Exception):
    """A lane's tail can't be looked at right now: somebody else does, or its node is away."""


@dataclass(frozen=True)
class Stream:
    """A service's queue of bulk messages, ``part`` what it reads of each."""

    service: str
    name: str
    part: type[Schema]
    subject: str
    """The field that says what a message is about."""

    def load(self, raw: Any) -> dict[str, Any]:
        """A message as values. Raises ``marshmallow.ValidationError``."""
        loaded: dict[str, Any] = instance(self.part, RAISE).load(raw)
        return loaded

    def kept(self, raw: Any) -> dict[str, Any]:
        """A message that failed as it is kept among the failed events."""
        about = raw.get(self.subject) if isinstance(raw, dict) else None
        subject = about if isinstance(about, str) else failures.UNKNOWN
        return failures.as_message(self.address, subject, raw)

    @property
    def address(self) -> str:
        """The name of its exchange and of its queue."""
        return f"{self.service}.{self.name}"

    @property
    def exchange(self) -> Exchange:
        """Where lanes send to, each under its own name."""
        return Exchange(self.address, type="direct", durable=True, delivery_mode=2)

    @property
    def queue(self) -> Queue:
        """The queue that the replicas empty; lanes bind it."""
        arguments = {
            **QUORUM,
            "x-max-length-bytes": MOST_WAITING_BYTES,
            "x-overflow": "reject-publish",
        }
        return Queue(self.address, durable=True, queue_arguments=arguments)

    def way(self, lane: str) -> Exchange:
        """Where a lane's messages go on to both queues: what closes it is one binding less."""
        return Exchange(f"{self.address}.lane.{lane}", type="fanout", durable=True)

    def tail(self, lane: str) -> Queue:
        """The queue that holds the last messages of a lane.

        Not a quorum queue: one that is made while a lone broker dies can come up without a
        leader, for good (RabbitMQ 3.10), and tails are made while people vote.
        """
        arguments = {
            "x-queue-type": "classic",
            "x-max-length": TAIL,
            "x-overflow": "drop-head",
        }
        return Queue(f"{self.address}.tail.{lane}", durable=True, queue_arguments=arguments)


class Lane:
    """A sender's own way into a stream: one message at a time, each confirmed."""

    def __init__(self, stream: Stream, name: str, settings: Settings) -> None:
        self.stream = stream
        self.name = name
        self.wire = ConfirmingWire(settings)

    def open(self) -> None:
        """Makes the lane in the broker. Raises ``BROKER_ERRORS``.

        To be done before its stream's service knows of the lane, and never after: one that was
        closed must not come back.
        """
        channel = self.wire.open()
        way, tail = self.stream.way(self.name), self.stream.tail(self.name)
        way(channel).declare()
        tail(channel).queue_declare()
        for queue in (tail.name, self.stream.address):
            channel.queue_bind(queue, way.name)
        channel.exchange_bind(way.name, self.stream.address, self.name)

    def send(self, number: int, message: dict[str, Any]) -> None:
        """Returns once the broker has the message. Raises ``NotConfirmed``, and its subclass
        ``Returned`` when the lane was closed."""
        body = json.dumps(message, separators=(",", ":")).encode()
        name = f"{self.name}/{number}"
        self.wire.send([Outgoing(name, self.stream.address, self.name, body)])

    def close(self) -> None:
        """Drops the connection; what was sent stays."""
        self.wire.close()


class Lanes:
    """The lanes of a stream, for the service that closes them. Raises ``BROKER_ERRORS``."""

    def __init__(self, stream: Stream, settings: Settings) -> None:
        self.stream = stream
        self.settings = settings

    def fence(self, lane: str) -> None:
        """Lets nothing more in through a lane, at one stroke: no message goes into one of its
        two queues alone. Doing it again changes nothing."""
        with self._channel() as channel, suppress(amqp.exceptions.NotFound):
            channel.exchange_unbind(self.stream.way(lane).name, self.stream.address, lane)

    def latest(self, lane: str) -> list[Any]:
        """The last messages of a lane that is fenced; they stay where they are. None where the
        lane was never begun, or somebody has emptied its tail.

        Raises :class:`TailGone`, and :class:`TailBusy` when it is to be asked again.
        """
        told: list[Any] = []
        tail = self.stream.tail(lane).name
        with self._channel() as channel:
            try:
                channel.basic_consume(tail, callback=told.append, exclusive=True)
                # Answered after all that the queue had: it speaks to a channel in one order.
                left = channel.queue_declare(tail, passive=True).message_count
            except amqp.exceptions.NotFound as error:
                raise (TailGone if _is_not_there(error) else TailBusy)(lane) from error
            except amqp.exceptions.AccessRefused as error:
                raise TailBusy(lane) from error
            if left:
                raise TailBusy(lane)
            return [json.loads(message.body) for message in told]

    def is_empty(self) -> bool:
        """Whether nothing waits in the stream; what a replica has in its hands does not wait."""
        with self._channel() as channel:
            found = channel.queue_declare(self.stream.address, passive=True)
            return bool(found.message_count == 0)

    def forget(self, lane: str) -> None:
        """Takes the tail away, once what it told is kept elsewhere."""
        with self._channel() as channel:
            channel.queue_delete(self.stream.tail(lane).name)
            channel.exchange_delete(self.stream.way(lane).name)

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        # Closing the connection puts back what was looked at.
        wire = connect(self.settings, heartbeat=10)
        try:
            yield wire.channel()
        finally:
            abandon(wire)


def _is_not_there(error: amqp.exceptions.NotFound) -> bool:
    # RabbitMQ says 404 as well of a queue that crashed or whose node is away: that one comes back.
    return "no queue" in str(error.reply_text)
