"""The epoch of a service's versions: a restore from backup raises it.

A restored database has forgotten the versions it said last; in a new epoch everything it says
outranks what listeners kept from before.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select

from services.chassis.database import Database
from services.chassis.tables import epochs


def raise_epoch(database: Database, reason: str) -> int:
    """Begins the next epoch, with the reason on record; answers its number."""
    with database.transaction() as session:
        number = (session.scalar(select(func.max(epochs.c.epoch))) or 1) + 1
        session.execute(
            epochs.insert().values(epoch=number, since=datetime.now(UTC), reason=reason)
        )
    return number
