"""The unit of work: one handler, one transaction, no I/O inside it but the database."""

from __future__ import annotations

import random
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marshmallow import RAISE
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from services.chassis import mail, people
from services.chassis.actor import Actor
from services.chassis.catalogue import Heard, Messages, instance
from services.chassis.config import Settings
from services.chassis.database import insert
from services.chassis.envelope import CONTENT_TYPE, SPEC_VERSION, schema_of, source_of
from services.chassis.letters import Letter
from services.chassis.tables import copies, epochs, outbox, versions


@dataclass
class Work:
    """What a rule may use: the open transaction, the time, who asks, and a voice."""

    service: str
    messages: Messages
    session: Session
    now: datetime
    settings: Settings
    actor: Actor
    correlation: str = ""
    key: str | None = None
    """The idempotency key of the command, where it has one."""
    run: str = ""
    """Which start of the process this is; another after every start."""
    random: random.Random = field(default_factory=random.SystemRandom)
    said: list[str] = field(default_factory=list)

    def say(self, event_type: str, subject: str, state: Mapping[str, Any]) -> None:
        """Puts an event in the outbox, in this transaction: all of ``state``, checked.

        Raises ``marshmallow.ValidationError`` when the state is not what the catalogue says,
        ``KeyError`` for a type that the service does not declare.
        """
        event = self.messages.SAYS[event_type]
        schema = instance(event.schema, RAISE)
        dumped = schema.dump(state)
        schema.load(dumped)
        version = self._next_version(event.kind, subject)
        envelope = self._envelope(event_type, event.kind, subject, dumped, version)
        self.session.execute(
            outbox.insert().values(
                event_id=envelope["id"],
                type=event_type,
                subject=subject,
                envelope=envelope,
                created_at=self.now,
            )
        )
        self.said.append(event_type)

    def unsay(self, event_type: str, subject: str, blank: Mapping[str, Any]) -> None:
        """Writes ``blank`` over these fields in all that was said of a subject (RULES D2).

        What others heard is theirs to forget; a restored listener is told no names again.
        """
        rows = select(outbox.c.number, outbox.c.envelope).where(
            outbox.c.type == event_type, outbox.c.subject == subject
        )
        for number, envelope in self.session.execute(rows).all():
            data = {**envelope["data"], **blank}
            self.session.execute(
                update(outbox)
                .where(outbox.c.number == number)
                .values(envelope={**envelope, "data": data})
            )

    def version(self, kind: str, subject: str) -> int:
        """The version of the last state said of a subject, 0 if nothing was said of it."""
        found = self.session.scalar(
            select(versions.c.version).where(versions.c.kind == kind, versions.c.subject == subject)
        )
        return found or 0

    def lock(self, key: str) -> None:
        """Waits until nobody else holds ``key``, and holds it until the transaction's end.

        SQLite needs nothing: its transactions are one at a time from their start. On
        PostgreSQL an advisory lock also covers rows that do not exist yet, which a row lock
        could not.
        """
        if self.session.get_bind().dialect.name == "postgresql":
            self.session.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key}
            )

    def new_id(self) -> str:
        """A new identifier of 32 hexadecimal digits."""
        return uuid.UUID(int=self.random.getrandbits(128), version=4).hex

    def secret_token(self, nbytes: int = 16) -> str:
        """An unguessable token of ``nbytes`` bytes, safe in an address."""
        return secrets.token_urlsafe(nbytes)

    def copy(self, kind: str, subject: str) -> dict[str, Any] | None:
        """The newest heard state of a subject, as this service reads it."""
        raw = self.session.scalar(
            select(copies.c.state).where(copies.c.kind == kind, copies.c.subject == subject)
        )
        return None if raw is None else self._part(kind).load(raw)

    def copies(self, kind: str, marathon: str | None = None) -> list[dict[str, Any]]:
        """The newest heard states of a kind, of one marathon or of all, by subject."""
        query = select(copies.c.state).where(copies.c.kind == kind).order_by(copies.c.subject)
        if marathon is not None:
            query = query.where(copies.c.marathon == marathon)
        part = self._part(kind)
        return [part.load(raw) for raw in self.session.scalars(query)]

    def mail(self, to: str, letter: Letter, expires_at: datetime | None = None) -> None:
        """Puts a letter in the mail outbox, in this transaction; see :func:`mail.enqueue`."""
        mail.enqueue(self, to, letter, expires_at)

    def person_key(self, email: str) -> str:
        """The key of the person who has this address. Raises ``Invalid("email_invalid")``."""
        return people.person_key(self.settings.secret, people.canonical_email(email))

    def _part(self, kind: str) -> Heard:
        return next(heard for heard in self.messages.HEARS if heard.kind == kind)

    def _next_version(self, kind: str, subject: str) -> int:
        row = insert(self.session, versions).values(kind=kind, subject=subject, version=1)
        row = row.on_conflict_do_update(
            index_elements=[versions.c.kind, versions.c.subject],
            set_={"version": versions.c.version + 1},
        )
        number: int = self.session.execute(row.returning(versions.c.version)).scalar_one()
        return number

    def epoch(self) -> int:
        """The epoch of what is said now: a restore raises it."""
        return self.session.scalar(select(func.max(epochs.c.epoch))) or 1

    def _envelope(
        self, event_type: str, kind: str, subject: str, state: dict[str, Any], version: int
    ) -> dict[str, Any]:
        return {
            "specversion": SPEC_VERSION,
            "id": self.new_id(),
            "source": source_of(self.settings.instance, self.service),
            "type": event_type,
            "subject": subject,
            "time": self.now.isoformat(),
            "datacontenttype": CONTENT_TYPE,
            "dataschema": schema_of(self.service, kind),
            "correlationid": self.correlation,
            "data": {"epoch": self.epoch(), "version": version, **state},
        }
