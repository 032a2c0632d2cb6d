"""Sending to RabbitMQ and waiting until it says that it has it.

py-amqp's own "publish and wait" takes the next acknowledgement for the answer, so that after a
timeout every answer would be one too early: here tags are counted, and a channel on which one
was missed is thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import amqp
from kombu import Connection

from services.chassis.config import Settings
from services.chassis.envelope import CONTENT_TYPE

BROKER_ERRORS = (OSError, amqp.exceptions.AMQPError)


class NotConfirmed(Exception):
    """The broker did not take everything; ``accepted`` are the ids of what it did take."""

    def __init__(self, reason: str, accepted: set[str]) -> None:
        super().__init__(reason)
        self.accepted = accepted


class Returned(NotConfirmed):
    """The broker took everything, but no queue wanted some of it: trying again is of no use."""


@dataclass(frozen=True)
class Outgoing:
    """A persistent message; what is ``mandatory`` must find a queue."""

    id: str
    exchange: str
    routing_key: str
    body: bytes = field(repr=False)
    mandatory: bool = True


class ConfirmingWire:
    """One connection that sends a batch at a time, and matches each confirmation by its tag."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection: Connection | None = None
        self.channel: Any = None

    def open(self) -> Any:
        """The channel, on a connection that is made if there is none."""
        if self.channel is None:
            self.connection = connect(self.settings)
            self.channel = self.connection.channel()
            self.channel.confirm_select()
            self.first_tag = 1
        return self.channel

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Returns when the broker has confirmed all. Raises :class:`NotConfirmed`."""
        pending: dict[int, str] = {}
        returned: set[str] = set()
        self.tag = 0
        try:
            self._listen(self.open(), pending, returned)
            for message in messages:
                self._publish(message, pending)
            self._wait(pending)
        except (*BROKER_ERRORS, TimeoutError) as error:
            self.close()
            accepted = {message.id for message in messages[: self.tag]} - set(pending.values())
            raise NotConfirmed(repr(error), accepted - returned) from error
        if returned:
            accepted = {message.id for message in messages} - returned
            raise Returned(f"no queue takes {sorted(returned)}", accepted)

    def close(self) -> None:
        """Drops the connection."""
        connection, self.connection, self.channel = self.connection, None, None
        if connection is not None:
            abandon(connection)

    def _listen(self, channel: Any, pending: dict[int, str], returned: set[str]) -> None:
        channel.events["basic_ack"] = {lambda tag, many: _confirmed(pending, tag, many)}
        channel.events["basic_nack"] = {lambda tag, many: _refused(tag)}
        channel.events["basic_return"] = {
            lambda exc, exchange, key, message: returned.add(message.properties["message_id"])
        }

    def _publish(self, outgoing: Outgoing, pending: dict[int, str]) -> None:
        message = amqp.Message(
            outgoing.body,
            content_type=CONTENT_TYPE,
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=outgoing.id,
        )
        pending[self.first_tag + self.tag] = outgoing.id
        self.tag += 1
        self.channel.basic_publish(
            message,
            exchange=outgoing.exchange,
            routing_key=outgoing.routing_key,
            mandatory=outgoing.mandatory,
        )

    def _wait(self, pending: dict[int, str]) -> None:
        until = time.monotonic() + self.settings.confirm_timeout_s
        while pending:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(pending)} messages not confirmed in time")
            self.channel.connection.drain_events(timeout=left)
        self.first_tag += self.tag


def connect(settings: Settings, heartbeat: int = 0) -> Connection:
    """A connection on which no answer is waited for longer than for a confirmation.

    A broker that comes up again takes connections before all its queues answer. With a
    ``heartbeat``, in seconds and never sent, the broker drops the connection soon after: for
    short errands, whose end it may not hear of.
    """
    made = Connection(
        settings.amqp_url, connect_timeout=settings.connect_timeout_s, heartbeat=heartbeat
    )
    made.connect()
    # Not amqp's "read_timeout": that is an option of the socket, which a green one ignores.
    made.connection.transport.sock.settimeout(settings.confirm_timeout_s)
    return made


def abandon(connection: Connection) -> None:
    """Drops a connection without a word: a broker that is silent would never answer a good-bye."""
    if connection.connected and hasattr(connection.connection, "collect"):
        wire = connection.connection
        wire.collect()
        # It holds 128 KiB to write from, and is part of a circle: who loses connections again
        # and again would have hundreds of them before the collector comes by.
        wire.frame_writer = None
    connection.collect()


def _confirmed(pending: dict[int, str], tag: int, multiple: bool) -> None:
    tags = [known for known in pending if known <= tag] if multiple else [tag]
    for known in tags:
        pending.pop(known, None)


def _refused(tag: int) -> None:
    raise TimeoutError(f"the broker refused delivery {tag}")
