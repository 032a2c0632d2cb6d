"""What the jury holds on a person, shown to them (RULES D2): their own cards, nobody else's.

Erasing somebody leaves their cards, under a key without a name: results don't change.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis import held
from services.chassis.work import Work
from services.jury.tables import Award, Deliberation, Edition, Panel, Recusal, Scorecard

CARD = ("project", "version", "abstained", "values", "comment", "submitted_at")
RECUSAL = ("project", "cause", "reason", "since", "ended_at")


def my_data(work: Work) -> dict[str, Any]:
    """All that the jury holds on the asker."""
    key = held.asker(work)
    return {
        "cards": _of_panels(work, Scorecard, Scorecard.juror_key == key, *CARD),
        "recusals": _of_panels(work, Recusal, Recusal.juror_key == key, *RECUSAL),
        "recusals_declared": _of_panels(work, Recusal, Recusal.by_key == key, *RECUSAL),
        "deliberations": _of_panels(
            *(work, Deliberation, Deliberation.by_key == key, "number", "reason", "at")
        ),
        "awards": _rows(work, Award, Award.by_key == key, "prize", "project", "at"),
        "editions": _of_panels(
            *(work, Edition, Edition.by_key == key, "number", "reason", "published_at")
        ),
        **held.on(work, key),
    }


def _of_panels(work: Work, table: Any, whose: Any, *names: str) -> list[dict[str, Any]]:
    """Rows with the marathon of their panel, ordered by it and by the first two names."""
    query = select(table, Panel.marathon).join(Panel, Panel.id == table.panel).where(whose)
    order = [getattr(table, name) for name in names[:2]]
    rows = work.session.execute(query.order_by(Panel.marathon, *order)).all()
    return [{"marathon": marathon, **held.columns(row, *names)} for row, marathon in rows]


def _rows(work: Work, table: Any, whose: Any, *names: str) -> list[dict[str, Any]]:
    query = select(table).where(whose).order_by(*table.__table__.primary_key)
    return [held.columns(row, *names) for row in work.session.scalars(query)]
