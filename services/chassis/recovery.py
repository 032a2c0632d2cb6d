"""The embedded broker's memory is lost with its process: what it held is published again."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update

from services.chassis.catalogue import heard_by_type
from services.chassis.core import Core
from services.chassis.tables import failed_events, inbox, outbox


def publish_lost_again(cores: Mapping[str, Core]) -> int:
    """Marks as unpublished every event that some listener's inbox still lacks; answers how many.

    Only for an instance whose services share this process. A listener that has it already
    knows its id and does nothing.
    """
    return sum(_publish_again(core, _lost(core, cores)) for core in cores.values())


def _lost(speaker: Core, cores: Mapping[str, Core]) -> set[str]:
    lost: set[str] = set()
    for listener in cores.values():
        wanted = {
            event_type
            for name, event_type in heard_by_type(listener.messages)
            if name == speaker.name
        }
        if wanted:
            lost |= _said(speaker, wanted) - _known(listener)
    return lost


def _said(speaker: Core, types: set[str]) -> set[str]:
    with speaker.database.transaction() as session:
        query = select(outbox.c.event_id).where(
            outbox.c.type.in_(types), outbox.c.published_at.is_not(None)
        )
        return set(session.scalars(query))


def _known(listener: Core) -> set[str]:
    with listener.database.transaction() as session:
        handled = set(session.scalars(select(inbox.c.event_id)))
        return handled | set(session.scalars(select(failed_events.c.event_id)))


def _publish_again(speaker: Core, lost: set[str]) -> int:
    with speaker.database.transaction() as session:
        for event_id in lost:
            session.execute(
                update(outbox).where(outbox.c.event_id == event_id).values(published_at=None)
            )
    return len(lost)
