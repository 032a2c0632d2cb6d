"""The outbox's publisher: rows that were committed go to the broker, with its confirmation.

Rows are found by ``published_at IS NULL``, never "number greater than the last": numbers
commit out of order. A crash between the confirmation and the mark publishes twice; every
inbox takes the second for what it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import amqp
import structlog
from kombu import Connection
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.chassis import metrics
from services.chassis.core import Core
from services.chassis.crash import crash_point
from services.chassis.envelope import CONTENT_TYPE
from services.chassis.tables import outbox
from services.chassis.topology import exchange_of

log = structlog.get_logger()

BATCH = 200


class NotConfirmed(Exception):
    """The broker did not take everything; ``accepted`` are the event ids it did take."""

    def __init__(self, reason: str, accepted: set[str]) -> None:
        super().__init__(reason)
        self.accepted = accepted


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


class ConfirmingSender:
    """Sends to RabbitMQ, a batch at a time, and matches each confirmation by delivery tag.

    py-amqp's own "publish and wait" takes the next acknowledgement for the answer, so that
    after a timeout every answer would be one too early: here tags are counted, and a channel
    on which one was missed is thrown away.
    """

    def __init__(self, core: Core) -> None:
        self.name = core.name
        self.settings = core.settings
        self.mandatory = {
            name for name, event in core.messages.SAYS.events.items() if event.mandatory
        }
        self.connection: Connection | None = None
        self.channel: Any = None

    def send(self, rows: Sequence[Any]) -> None:
        """Returns when the broker has confirmed all. Raises :class:`NotConfirmed`."""
        pending: dict[int, str] = {}
        returned: set[str] = set()
        try:
            self._open(pending, returned)
            for row in rows:
                self._publish(row, pending)
            self._wait(pending)
        except (OSError, amqp.exceptions.AMQPError, TimeoutError) as error:
            self.close()
            accepted = {row.event_id for row in rows[: self.tag]} - set(pending.values())
            raise NotConfirmed(repr(error), accepted - returned) from error
        if returned:
            accepted = {row.event_id for row in rows} - returned
            raise NotConfirmed(f"no queue takes {sorted(returned)}", accepted)

    def close(self) -> None:
        """Drops the connection."""
        connection, self.connection, self.channel = self.connection, None, None
        if connection is not None:
            abandon(connection)

    def _open(self, pending: dict[int, str], returned: set[str]) -> None:
        self.tag = 0
        if self.channel is None:
            self.connection = Connection(
                self.settings.amqp_url, connect_timeout=self.settings.connect_timeout_s
            )
            self.channel = self.connection.channel()
            self.channel.confirm_select()
            self.first_tag = 1
        events = self.channel.events
        events["basic_ack"] = {lambda tag, multiple: self._confirmed(pending, tag, multiple)}
        events["basic_nack"] = {lambda tag, multiple: self._refused(tag)}
        events["basic_return"] = {
            lambda exc, exchange, key, message: returned.add(message.properties["message_id"])
        }

    def _publish(self, row: Any, pending: dict[int, str]) -> None:
        message = amqp.Message(
            json.dumps(row.envelope).encode(),
            content_type=CONTENT_TYPE,
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=row.event_id,
        )
        pending[self.first_tag + self.tag] = row.event_id
        self.tag += 1
        self.channel.basic_publish(
            message,
            exchange=f"{self.name}.events",
            routing_key=row.type,
            mandatory=row.type in self.mandatory,
        )

    def _wait(self, pending: dict[int, str]) -> None:
        until = time.monotonic() + self.settings.confirm_timeout_s
        while pending:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(pending)} events not confirmed in time")
            self.channel.connection.drain_events(timeout=left)
        self.first_tag += self.tag

    def _confirmed(self, pending: dict[int, str], tag: int, multiple: bool) -> None:
        tags = [known for known in pending if known <= tag] if multiple else [tag]
        for known in tags:
            pending.pop(known, None)

    def _refused(self, tag: int) -> None:
        raise TimeoutError(f"the broker refused delivery {tag}")


def abandon(connection: Connection) -> None:
    """Drops a connection without a word: a broker that is silent would never answer a good-bye."""
    if connection.connected and hasattr(connection.connection, "collect"):
        connection.connection.collect()
    connection.collect()


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


def make_sender(core: Core) -> Sender:
    """The sender for the broker of these settings."""
    return EmbeddedSender(core) if core.settings.embedded else ConfirmingSender(core)


def waiting(session: Session) -> int:
    """How many events are not published yet."""
    query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
    return session.scalar(query) or 0


def _mark(session: Session, numbers: list[int]) -> None:
    session.execute(
        update(outbox).where(outbox.c.number.in_(numbers)).values(published_at=datetime.now(UTC))
    )
