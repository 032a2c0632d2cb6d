"""What the operator does with events whose handling failed: look, replay, drop."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from services.chassis import failures
from services.chassis.database import Database
from services.chassis.errors import NotFound
from services.chassis.tables import failed_events


def list_failed(database: Database, status: str | None = failures.PARKED) -> list[dict[str, Any]]:
    """The failed events of one status, or of both, oldest first, without their content."""
    columns = [c for c in failed_events.c if c.name not in ("envelope", "traceback")]
    query = select(*columns).order_by(failed_events.c.first_failed_at)
    if status:
        query = query.where(failed_events.c.status == status)
    with database.transaction() as session:
        return [dict(row) for row in session.execute(query).mappings()]


def show(database: Database, event_id: str) -> dict[str, Any]:
    """One failed event, whole. Raises :class:`NotFound`."""
    with database.transaction() as session:
        row = (
            session.execute(select(failed_events).where(failed_events.c.event_id == event_id))
            .mappings()
            .one_or_none()
        )
    if row is None:
        raise NotFound("event", event_id)
    # An event is made to be known; of what people sent in bulk nothing is shown (RULES V7).
    return {**row, "envelope": None} if failures.is_message(row["envelope"]) else dict(row)


def replay(database: Database, event_id: str | None = None) -> int:
    """Sets one parked event, or all, to be tried again at once; answers how many."""
    with database.transaction() as session:
        count = failures.set_again(session, event_id)
    if event_id is not None and not count:
        raise NotFound("event", event_id)
    return count


def drop(database: Database, event_id: str) -> None:
    """Forgets one failed event for good. Raises :class:`NotFound`."""
    with database.transaction() as session:
        gone = session.execute(
            delete(failed_events)
            .where(failed_events.c.event_id == event_id)
            .returning(failed_events.c.event_id)
        ).scalar()
    if gone is None:
        raise NotFound("event", event_id)
