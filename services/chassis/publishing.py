"""The outbox's publisher: rows that were committed go to the broker, with its confirmation.

Rows are found by ``published_at IS NULL``, never "number greater than the last": numbers
commit out of order. A crash between the confirmation and the mark publishes twice; every
inbox takes the second for what it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from kombu import Connection
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.chassis import metrics
from services.chassis.confirms import ConfirmingWire, NotConfirmed, Outgoing
from services.chassis.core import Core
from services.chassis.crash import crash_point
from services.chassis.tables import outbox
from services.chassis.topology import exchange_of

log = structlog.get_logger()

BATCH = 200


class Sender(Protocol):
    """Something that hands events to a broker."""

    def send(self, rows: Sequence[Any]) -> None:
        """Returns when the broker has all of ``rows``. Raises :class:`NotConfirmed`."""
        ...

    def close(self) -> None:
        """Gives the connection back."""
        ...


class EmbeddedSender:
    """Sends into this process's own memory, where there is nothing to confirm."""

    def __init__(self, core: Core) -> None:
        self.exchange = exchange_of(core.name)
        self.connection = Connection(core.settings.amqp_url)

    def send(self, rows: Sequence[Any]) -> None:
        """Puts the rows into the queues' memory."""
        producer = self.connection.Producer(exchange=self.exchange, auto_declare=True)
        for row in rows:
            producer.publish(row.envelope, routing_key=row.type, serializer="json")

    def close(self) -> None:
        """Gives the connection back."""
        self.connection.release()


class Publisher:
    """Empties one service's outbox into the broker."""

    def __init__(self, core: Core, sender: Sender | None = None) -> None:
        self.core = core
        self.sender = sender or make_sender(core)

    def flush(self) -> int:
        """Publishes what waits, up to a batch; answers how many. Raises :class:`NotConfirmed`."""
        with self.core.database.transaction() as session:
            rows = self._claim(session)
            if not rows:
                return 0
            if not self.core.database.is_sqlite:
                return self._send_and_mark(session, rows)
        # SQLite: nothing may wait on a network inside a transaction. It has one publisher.
        return self._send_then_mark(rows)

    def close(self) -> None:
        """Gives the connection back."""
        self.sender.close()

    def _claim(self, session: Session) -> Sequence[Any]:
        query = (
            select(outbox.c.number, outbox.c.event_id, outbox.c.type, outbox.c.envelope)
            .where(outbox.c.published_at.is_(None))
            .order_by(outbox.c.number)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        return session.execute(query).all()

    def _send_and_mark(self, session: Session, rows: Sequence[Any]) -> int:
        """On PostgreSQL: the rows stay locked meanwhile, and are free at once if we die."""
        failure = self._send(rows)
        accepted = {row.event_id for row in rows} if failure is None else failure.accepted
        _mark(session, [row.number for row in rows if row.event_id in accepted])
        if failure is not None:
            session.commit()
            raise failure
        return len(rows)

    def _send_then_mark(self, rows: Sequence[Any]) -> int:
        failure = self._send(rows)
        accepted = {row.event_id for row in rows} if failure is None else failure.accepted
        with self.core.database.transaction() as session:
            _mark(session, [row.number for row in rows if row.event_id in accepted])
        if failure is not None:
            raise failure
        return len(rows)

    def _send(self, rows: Sequence[Any]) -> NotConfirmed | None:
        try:
            self.sender.send(rows)
        except NotConfirmed as failure:
            return failure
        for row in rows:
            crash_point(self.core.settings, self.core.name, "outbox.published", row.type)
        metrics.published(self.core.name, len(rows))
        return None


class ConfirmedSender:
    """Sends to RabbitMQ, a batch at a time, and waits for its confirmation."""

    def __init__(self, core: Core) -> None:
        self.exchange = exchange_of(core.name).name
        self.wire = ConfirmingWire(core.settings)
        self.mandatory = {
            name for name, event in core.messages.SAYS.events.items() if event.mandatory
        }

    def send(self, rows: Sequence[Any]) -> None:
        """Returns when the broker has confirmed all. Raises :class:`NotConfirmed`."""
        self.wire.send([self._outgoing(row) for row in rows])

    def close(self) -> None:
        """Drops the connection."""
        self.wire.close()

    def _outgoing(self, row: Any) -> Outgoing:
        body = json.dumps(row.envelope).encode()
        return Outgoing(row.event_id, self.exchange, row.type, body, row.type in self.mandatory)


def make_sender(core: Core) -> Sender:
    """The sender for the broker of these settings."""
    return EmbeddedSender(core) if core.settings.embedded else ConfirmedSender(core)


def waiting(session: Session) -> int:
    """How many events are not published yet."""
    query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
    return session.scalar(query) or 0


def _mark(session: Session, numbers: list[int]) -> None:
    session.execute(
        update(outbox).where(outbox.c.number.in_(numbers)).values(published_at=datetime.now(UTC))
    )
