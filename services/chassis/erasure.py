"""An erased person's name goes from what a service heard, answered and has to send (RULES D2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from services.chassis import idempotency, mail
from services.chassis.envelope import Envelope
from services.chassis.tables import copies
from services.chassis.work import Work

# What a role says of the person, beside what they may do.
PERSONAL: dict[str, Any] = {"display_name": "", "organisation": None}


def follow(work: Work, kind: str, envelope: Envelope) -> None:
    """Forgets whom an event, now among the copies, is about if they are erased.

    A role said before the erasure may come after it: whichever of the two is second forgets.
    One said after it is of somebody who came back, and stays.
    """
    if kind == "person":
        _forget(work, envelope.subject)
    elif kind == "role":
        person = envelope.data.get("person_key")
        erased = _erased_at(work, str(person))
        if erased is not None and envelope.time <= erased:
            _blank(work, envelope.subject, envelope.data)


def _forget(work: Work, person: str) -> None:
    mail.forget(work, person)
    idempotency.forget(work, person)
    roles = select(copies.c.subject, copies.c.state).where(copies.c.kind == "role")
    for subject, state in work.session.execute(roles).all():
        if state["person_key"] == person:
            _blank(work, subject, state)


def _erased_at(work: Work, person: str) -> datetime | None:
    # Serialised with the erasure's own event.
    work.lock(f"person:{person}")
    query = select(copies.c.state).where(copies.c.kind == "person", copies.c.subject == person)
    state = work.session.scalar(query)
    return None if state is None else datetime.fromisoformat(state["at"])


def _blank(work: Work, subject: str, state: dict[str, Any]) -> None:
    work.session.execute(
        update(copies)
        .where(copies.c.kind == "role", copies.c.subject == subject)
        .values(state={**state, **PERSONAL})
    )
