"""Packages by RabbitMQ: into the queue from which a shovel takes them, and out of the partners'.

See docs/relay-protocol.md, § 12.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import amqp
import structlog
from kombu import Connection

from services.chassis import courier, metrics
from services.chassis.config import Settings
from services.chassis.confirms import (
    BROKER_ERRORS,
    ConfirmingWire,
    NotConfirmed,
    Outgoing,
    abandon,
    connect,
)
from services.chassis.courier import Depot, Destination, Outcome, Parcel
from services.chassis.crash import crash_point
from services.chassis.database import is_away

log = structlog.get_logger()

LOOK_S = 2.0
"""How often one looks whether partners were added or removed."""

WAIT_S = 0.5
HEARTBEAT_S = 10
TRIES = 5
"""After so many a message that makes us stumble is dropped: its sender repeats what matters."""


class BrokerCarrier:
    """Puts packages into our own broker, confirmed; its shovel brings them to the partner."""

    def __init__(self, settings: Settings, destination: Destination) -> None:
        self.partner = destination.name
        self.wire = ConfirmingWire(settings)

    def hand_over(self, parcels: Sequence[Parcel], outcome: Outcome) -> None:
        """Puts all into the partner's queue; a connection that has died is made anew."""
        began = time.monotonic()
        reason = self._try(parcels, outcome)
        # Anew, with the queue: the broker may have been emptied. One that is silent stays so.
        if reason is not None and time.monotonic() - began < self.wire.settings.confirm_timeout_s:
            reason = self._try(parcels, outcome)
        left = outcome.left(parcels)
        outcome.failed = (left[0].id, reason) if left and reason is not None else None

    def _try(self, parcels: Sequence[Parcel], outcome: Outcome) -> str | None:
        """Notes what the broker took; why it did not take the rest."""
        left = outcome.left(parcels)
        try:
            self._declare()
            self.wire.send([self._outgoing(parcel) for parcel in left])
        except (NotConfirmed, *BROKER_ERRORS) as error:
            self.close()
            outcome.taken |= dict.fromkeys(getattr(error, "accepted", ()))
            return f"the broker did not take it: {error}"[:200]
        outcome.taken |= dict.fromkeys(parcel.id for parcel in left)
        return None

    def close(self) -> None:
        """Drops the connection."""
        self.wire.close()

    def _declare(self) -> None:
        if self.wire.channel is None:
            courier.declare(self.wire.open(), [self.partner])

    def _outgoing(self, parcel: Parcel) -> Outgoing:
        return Outgoing(parcel.id, courier.OUT, self.partner, parcel.body)


class Inlet:
    """Reads what partners sent, one message of each at a time, so that none waits for another's
    flood.

    All of it happens in one thread: a connection has one reader and one writer.
    """

    def __init__(self, settings: Settings, service: str, depot: Depot) -> None:
        self.settings = settings
        self.service = service
        self.depot = depot
        self.connection: Connection | None = None
        self.channels: dict[str, Any] = {}
        self.waiting: deque[tuple[str, Any]] = deque()
        self.stumbled: Counter[tuple[str, bytes]] = Counter()
        self.looked_at = 0.0

    def step(self) -> None:
        """Takes what is there, and waits a little for more. Raises ``BROKER_ERRORS``."""
        connection = self.connection = self.connection or connect(self.settings, HEARTBEAT_S)
        self._look(connection)
        for _ in range(len(self.waiting)):
            self._take(*self.waiting.popleft())
        # While the database is away, too: the broker wants to hear that we live.
        with suppress(TimeoutError):
            connection.drain_events(timeout=WAIT_S)
        connection.heartbeat_check()

    def close(self) -> None:
        """Drops the connection; what was not acknowledged comes again."""
        connection, self.connection = self.connection, None
        self.waiting.clear()
        self.channels.clear()
        self.looked_at = 0.0
        if connection is not None:
            abandon(connection)

    # --- partners that come and go --------------------------------------------------------

    def _look(self, connection: Connection) -> None:
        if time.monotonic() - self.looked_at < LOOK_S:
            return
        self.looked_at = time.monotonic()
        wanted = {one.name for one in self.depot.destinations() if one.transport == "amqp"}
        for partner in sorted(self.channels.keys() - wanted):
            self._leave(partner)
        for partner in sorted(wanted - self.channels.keys()):
            self._attend(connection, partner)

    def _attend(self, connection: Connection, partner: str) -> None:
        channel = connection.connection.channel()
        # What came is bytes, whatever its sender says of their encoding.
        channel.auto_decode = False
        try:
            courier.declare(channel, [partner])
            channel.basic_qos(0, 1, False)
            channel.basic_consume(
                courier.in_queue(partner).name, callback=partial(self._arrived, partner)
            )
        except amqp.exceptions.ChannelError as error:
            # One partner's queue that was made otherwise keeps nobody from the others'.
            log.warning("partner_not_attended", partner=partner, error=str(error))
            return
        self.channels[partner] = channel

    def _leave(self, partner: str) -> None:
        channel = self.channels.pop(partner)
        self.waiting = deque(one for one in self.waiting if one[0] != partner)
        channel.close()

    # --- messages -------------------------------------------------------------------------

    def _arrived(self, partner: str, message: Any) -> None:
        self.waiting.append((partner, message))

    def _take(self, partner: str, message: Any) -> None:
        # An empty body is a text to py-amqp.
        raw = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
        try:
            verdict = self.depot.receive(raw, partner)
        except Exception as error:
            if is_away(error):
                log.warning("package_waits", service=self.service, partner=partner)
                self.waiting.append((partner, message))
                return
            self._stumble(partner, message, raw, error)
            return
        metrics.received(partner, verdict)
        crash_point(self.settings, self.service, "package.taken", verdict)
        message.channel.basic_ack(message.delivery_tag)

    def _stumble(self, partner: str, message: Any, raw: bytes, error: Exception) -> None:
        """Gives a message back that we can't handle; after some tries no more."""
        # Not the error's own words: they may hold what somebody sent.
        name = (partner, raw[:256])
        self.stumbled[name] += 1
        again = self.stumbled[name] < TRIES
        log.error(
            "package_not_taken",
            service=self.service,
            partner=partner,
            error=type(error).__name__,
            again=again,
        )
        if not again:
            del self.stumbled[name]
        message.channel.basic_reject(message.delivery_tag, again)
