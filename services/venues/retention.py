"""The purge of owners' contacts, by itself (RULES D1), unless a dispute holds it (D2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.chassis.tables import copies
from services.venues.periods import CONTACTS
from services.venues.tables import Offer, Premises

OVER = ("closed", "cancelled")


def purge(database: Database, now: datetime) -> None:
    """Forgets the contact to premises whose last marathon is long over; the premises stay."""
    with database.transaction() as session:
        kept = select(Premises).where(Premises.contact.is_not(None)).order_by(Premises.id)
        # Whoever offers them again meanwhile waits, and brings the contact along.
        for premises in session.scalars(kept.with_for_update()):
            offers = select(Offer).where(Offer.premises == premises.id)
            if all(_is_past(session, offer, now) for offer in session.scalars(offers)):
                premises.contact = None


def _is_past(session: Session, offer: Offer, now: datetime) -> bool:
    """Whether neither the offer nor its marathon is of today, and nobody disputes anything."""
    state = session.scalar(
        select(copies.c.state).where(
            copies.c.kind == "marathon", copies.c.subject == offer.marathon
        )
    )
    if state is None or state["state"] not in OVER or state.get("purge_held"):
        return False
    return max(_over_since(state), offer.offered_at) <= now - CONTACTS


def _over_since(state: dict[str, Any]) -> datetime:
    """When a marathon was over, as far as its state tells; one that had no end: long ago."""
    told = state.get("closed_at") or state.get("ended_at") or state.get("ends_at")
    return datetime.fromisoformat(told) if told else _LONG_AGO


_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
