"""Packages between instances, as a courier sees them: from whom, for whom, and which bytes.

What they say, who signed them and what they do is the service's own business; it gives its
courier a :class:`Depot`. Packages come late, twice and in any order, and nobody minds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kombu import Exchange, Queue, binding

from services.chassis.config import Settings
from services.chassis.quorum import QUORUM

OUT, IN = "relay.out", "relay.in"
MIB = 1024 * 1024
MOST_OUT = 1000
"""So many packages wait in the broker for a partner that is away; the others in the database."""

MOST_IN = 200
"""So many packages of a partner wait to be read; the others stay at its own broker."""

MOST_WAITING_BYTES = 64 * MIB

AT_ONCE = 20
"""So many packages a carrier takes at a time."""

RESTS_S = (1.0, 2.0, 5.0)
"""How long a partner that can't be reached is left alone: its link is tried every 5 s then."""


@dataclass(frozen=True)
class Destination:
    """A partner, and how packages get to it."""

    name: str
    transport: str
    """amqp: by the shovel from our broker; https: posted by ourselves."""

    url: str | None = None


@dataclass(frozen=True)
class Parcel:
    """One package on its way out."""

    id: str
    body: bytes = field(repr=False)


@dataclass
class Outcome:
    """What became of some parcels, as far as one has come."""

    taken: dict[str, str | None] = field(default_factory=dict)
    """By id what was taken, with what the other side has to complain of, if it said so."""

    failed: tuple[str, str] | None = None
    """The first that was not taken, and why."""

    rest_s: float | None = None
    """How long the other side wants to be left alone, if it said so."""

    def left(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Those of which nothing is known yet."""
        return [parcel for parcel in parcels if parcel.id not in self.taken]


class Depot(Protocol):
    """A service's packages. Each call is a transaction of its own."""

    def is_open(self) -> bool:
        """Whether this instance has partners at all."""
        ...

    def destinations(self) -> Sequence[Destination]:
        """The partners."""
        ...

    def waiting(self) -> Sequence[str]:
        """The names of the partners for whom something is to be handed over now."""
        ...

    def parcels(self, partner: str, most: int) -> Sequence[Parcel]:
        """What is to be handed over to a partner now, the oldest first."""
        ...

    def settle(self, partner: str, outcome: Outcome) -> None:
        """Notes what became of parcels."""
        ...

    def receive(self, raw: bytes, via: str) -> str:
        """Does what a message requires that came by a partner's channel; answers the verdict.

        Once this has returned the message may be forgotten. Raises only when it can't be stored.
        """
        ...


class Carrier(Protocol):
    """Hands parcels over to one partner, one lot at a time."""

    def hand_over(self, parcels: Sequence[Parcel], outcome: Outcome) -> None:
        """Notes in ``outcome`` what was taken, while it goes on; stops at the first failure."""
        ...

    def close(self) -> None:
        """Drops its connection."""
        ...


class NoBroker:
    """The carrier of an instance that has no broker, for partners that want one."""

    def hand_over(self, parcels: Sequence[Parcel], outcome: Outcome) -> None:
        """Takes nothing."""
        outcome.failed = (parcels[0].id, "this instance has no broker: agree on https")

    def close(self) -> None:
        """Nothing to drop."""


def carrier_of(settings: Settings, destination: Destination) -> Carrier:
    """The carrier for a partner's transport."""
    # Here, for most instances need one of the two, and many none.
    if destination.transport == "https":
        from services.chassis.courier_https import WebCarrier

        return WebCarrier(settings, destination)
    if settings.embedded:
        return NoBroker()
    from services.chassis.courier_amqp import BrokerCarrier

    return BrokerCarrier(settings, destination)


# --- the broker's part --------------------------------------------------------------------


def exchanges() -> tuple[Exchange, Exchange]:
    """Where packages for partners are put, and where partners put theirs."""
    return (
        Exchange(OUT, type="direct", durable=True, delivery_mode=2),
        Exchange(IN, type="topic", durable=True, delivery_mode=2),
    )


def out_queue(partner: str) -> Queue:
    """What waits for a partner until the shovel has brought it there."""
    bindings = [binding(exchanges()[0], routing_key=partner)]
    return _queue(f"{OUT}.{partner}", bindings, {"x-max-length": MOST_OUT})


def in_queue(partner: str) -> Queue:
    """What a partner's shovel has brought; read by one replica at a time, in its order."""
    # "#" is no word or any number: the partner's own key, and what may once be below it.
    bindings = [binding(exchanges()[1], routing_key=f"from.{partner}.#")]
    more = {"x-max-length": MOST_IN, "x-single-active-consumer": True}
    return _queue(f"{IN}.{partner}", bindings, more)


def _queue(name: str, bindings: Sequence[Any], more: Mapping[str, Any]) -> Queue:
    arguments = {
        **QUORUM,
        "x-overflow": "reject-publish",
        "x-max-length-bytes": MOST_WAITING_BYTES,
        **more,
    }
    return Queue(name, bindings, durable=True, queue_arguments=arguments)


def declare(channel: Any, partners: Sequence[str]) -> list[str]:
    """Makes what the broker needs for these partners; answers the names. Twice changes nothing."""
    names = []
    for exchange in exchanges():
        exchange(channel).declare()
        names.append(exchange.name)
    for partner in partners:
        for queue in (out_queue(partner), in_queue(partner)):
            queue(channel).declare()
            names.append(queue.name)
    return names
