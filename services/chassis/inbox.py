"""Hearing an event: exactly one effect, however often and in whatever order it comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_

from services.chassis import erasure
from services.chassis.catalogue import heard_by_type
from services.chassis.database import insert
from services.chassis.envelope import Envelope, marathon_of
from services.chassis.tables import copies, failed_events, inbox
from services.chassis.work import Work


@dataclass(frozen=True)
class HeardEvent:
    """An event as a service's rules see it; ``state`` is the part the service declared."""

    id: str
    type: str
    kind: str
    subject: str
    marathon: str | None
    time: datetime
    state: dict[str, Any]


def take(work: Work, envelope: Envelope) -> HeardEvent | None:
    """Notes the event and keeps its state if newer; ``None`` when nothing is left to do.

    Nothing is left to do for an event seen before, and for a state older than the one kept:
    a subject's events may come late or in any order, and the newest state is the whole truth.
    Raises ``KeyError`` for a type nobody here declared, ``ValidationError`` for a state that
    lacks what this service reads.
    """
    heard = heard_by_type(work.messages)[envelope.speaker, envelope.type]
    if not _first_time(work, envelope):
        return None
    state = heard.load(envelope.data)
    marathon = marathon_of(heard.kind, envelope.subject, envelope.data)
    # Before the copy is written: two events of one marathon are handled one after the other,
    # so that each sees the other's copy.
    work.lock(f"marathon:{marathon}" if marathon else f"{heard.kind}:{envelope.subject}")
    if not _keep_if_newer(work, heard.kind, envelope, marathon):
        return None
    erasure.follow(work, heard.kind, envelope)
    return HeardEvent(
        envelope.id, envelope.type, heard.kind, envelope.subject, marathon, envelope.time, state
    )


def _first_time(work: Work, envelope: Envelope) -> bool:
    # A failed event that now goes through is no longer failed, whichever delivery it was.
    work.session.execute(delete(failed_events).where(failed_events.c.event_id == envelope.id))
    row = insert(work.session, inbox).values(
        event_id=envelope.id, type=envelope.type, received_at=work.now
    )
    row = row.on_conflict_do_nothing().returning(inbox.c.event_id)
    return work.session.execute(row).scalar() is not None


def _keep_if_newer(work: Work, kind: str, envelope: Envelope, marathon: str | None) -> bool:
    new = {
        "epoch": envelope.epoch,
        "version": envelope.version,
        "state": envelope.data,
        "marathon": marathon,
        "heard_at": work.now,
    }
    row = insert(work.session, copies).values(kind=kind, subject=envelope.subject, **new)
    row = row.on_conflict_do_update(
        index_elements=[copies.c.kind, copies.c.subject],
        set_=new,
        where=or_(
            copies.c.epoch < envelope.epoch,
            (copies.c.epoch == envelope.epoch) & (copies.c.version < envelope.version),
        ),
    )
    return work.session.execute(row.returning(copies.c.subject)).scalar() is not None
