"""Exchanges and queues, nameko's own, declared before anyone publishes.

An event published before its listener's first start must wait, not vanish; so the operator
applies the topology as she migrates the tables (``marathon topology apply``).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence

from kombu import Connection, Exchange, Queue, binding

from services.chassis import courier
from services.chassis.catalogue import Messages
from services.chassis.config import SERVICES, Settings
from services.chassis.quorum import QUORUM
from services.chassis.streams import Stream


def exchange_of(service: str) -> Exchange:
    """Where a service says its events: as a stock nameko service would declare it."""
    return Exchange(f"{service}.events", type="topic", durable=True, delivery_mode=2)


def inbox_queue(service: str, messages: Messages, settings: Settings) -> Queue:
    """The one queue in which all that a service hears waits for it.

    Its name is explicit: nameko's default contains the method's name, and renaming the method
    would orphan a queue. Quorum where it is a real broker; never as the vhost's default, for
    nameko's reply queues must stay classic.
    """
    bindings = [
        binding(exchange_of(heard.speaker), routing_key=name)
        for heard in messages.HEARS
        for name in heard.types
    ]
    arguments = None if settings.embedded else dict(QUORUM)
    return Queue(f"{service}.inbox", bindings, durable=True, queue_arguments=arguments)


def messages_of(service: str) -> Messages:
    """The catalogue of a service, by name: the chassis itself imports no service."""
    module: Messages = importlib.import_module(f"services.{service}.messages")
    return module


def apply(settings: Settings, partners: Sequence[str] = ()) -> list[str]:
    """Declares all exchanges and queues, those of the relay's ``partners`` too; answers their
    names. Doing it twice changes nothing.
    """
    names = []
    with Connection(settings.amqp_url, connect_timeout=settings.connect_timeout_s) as connection:
        channel = connection.channel()
        for service in SERVICES:
            exchange_of(service)(channel).declare()
            queue = inbox_queue(service, messages_of(service), settings)(channel)
            queue.declare()
            names += [f"{service}.events", queue.name]
            for stream in streams_of(service):
                stream.exchange(channel).declare()
                stream.queue(channel).queue_declare()
                names.append(stream.address)
        names += courier.declare(channel, partners)
    return names


def missing(settings: Settings) -> list[str]:
    """The queues that are not there yet."""
    absent = []
    with Connection(settings.amqp_url, connect_timeout=settings.connect_timeout_s) as connection:
        for name in _queues():
            channel = connection.channel()
            try:
                channel.queue_declare(queue=name, passive=True)
                channel.close()
            except connection.channel_errors:
                absent.append(name)
    return absent


def streams_of(service: str) -> tuple[Stream, ...]:
    """The queues of bulk messages that a service empties."""
    return tuple(getattr(messages_of(service), "TAKES", ()))


def _queues() -> Iterator[str]:
    for service in SERVICES:
        yield f"{service}.inbox"
        yield from (stream.address for stream in streams_of(service))
