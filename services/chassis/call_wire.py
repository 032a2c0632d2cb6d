"""The connection of a call: published and answered on the same one, and never waited on for ever.

nameko publishes calls over a few connections that all callers share, and waits on them without
end for the broker: one that is silent, or blocks publishers for want of disk, would hold every
caller until it comes back.
"""

from __future__ import annotations

from typing import Any

import amqp
from kombu import Connection, Producer
from nameko.amqp.publish import UndeliverableMessage
from nameko.constants import PERSISTENT
from nameko.rpc import MethodProxy

CONFIRM_S = 2.5
"""How long the broker is waited for, whatever it was told."""


class ConnectionLost(ConnectionError):
    """The connection broke before the broker confirmed: the call may be made over another."""


class Method(MethodProxy):  # type: ignore[misc]  # nameko has no types
    """nameko's call of a method, published by :class:`Publisher`."""

    def __init__(self, worker_ctx: Any, service: str, door: str, reply_listener: Any) -> None:
        super().__init__(worker_ctx, service, door, reply_listener)
        self.publisher = Publisher(reply_listener.queue_consumer, self.serializer)


class Publisher:
    """Publishes over the connection on which ``consumer`` waits for answers."""

    def __init__(self, consumer: Any, serializer: str) -> None:
        self.consumer = consumer
        self.serializer = serializer

    def publish(self, payload: Any, extra_headers: dict[str, Any], **how: Any) -> None:
        """Returns once the broker has it.

        Raises :class:`ConnectionLost`, ``TimeoutError``, ``UndeliverableMessage`` when nobody
        listens.
        """
        try:
            producer = Producer(self._channel(), serializer=self.serializer)
            producer.publish(payload, headers=extra_headers, delivery_mode=PERSISTENT, **how)
        except TimeoutError:
            raise
        except amqp.exceptions.ChannelError as error:
            if "NO_ROUTE" in str(error):
                raise UndeliverableMessage from error
            raise
        except (OSError, amqp.exceptions.ConnectionError) as error:
            raise ConnectionLost(repr(error)) from error

    def _channel(self) -> Any:
        """The connection's channel for publishing; another one when it was made anew."""
        connection = self.consumer.connection
        known = getattr(self.consumer, "channel_for_calls", None)
        if known is None or known.connection is not connection.connection:
            known = self.consumer.channel_for_calls = connection.channel()
            if _is_real(connection):
                known.basic_publish = known.basic_publish_confirm
        return known


def hasten(connection: Connection) -> None:
    """Lets nothing on a connection wait for the broker for longer than :data:`CONFIRM_S`, but
    what says for itself how long."""
    if _is_real(connection):
        connection.connection.transport.sock.settimeout(CONFIRM_S)


def _is_real(connection: Connection) -> bool:
    """Whether it leads to a broker, and not into this process's own memory."""
    return hasattr(connection.connection, "collect")
