"""Holds: while a dispute lasts, nothing of its marathon is purged, in any service (RULES D2).

A marathon's state says that it is held, and every service that purges hears it. The reason,
which may name people, is said to nobody.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.errors import NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import marathons
from services.registration.tables import Hold


def place(work: Work, marathon: str, reason: str) -> dict[str, Any]:
    """Holds the purge of a marathon. Raises ``Refusal("purge_held_already")``.

    What was purged before stays purged.
    """
    work.actor.must("organiser", None)
    row = marathons.locked(work, marathon)
    if _open(work, marathon) is not None:
        raise Refusal("purge_held_already", "La suppression est déjà suspendue.")
    hold = Hold(
        id=work.new_id(),
        marathon=marathon,
        reason=reason,
        placed_at=work.now,
        placed_by=work.actor.key,
    )
    work.session.add(hold)
    work.session.flush()
    marathons.say(work, row)
    return view_of(hold)


def lift(work: Work, marathon: str) -> dict[str, Any]:
    """Ends the hold of a marathon. Raises ``NotFound("hold")``."""
    work.actor.must("organiser", None)
    row = marathons.locked(work, marathon)
    hold = _open(work, marathon)
    if hold is None:
        raise NotFound("hold", marathon)
    hold.lifted_at, hold.lifted_by = work.now, work.actor.key
    work.session.flush()
    marathons.say(work, row)
    return view_of(hold)


def list_holds(work: Work, page: Page) -> Answer:
    """All holds, those that were lifted too, oldest first."""
    work.actor.must("organiser", None)
    return page.rows(work.session, select(Hold), (Hold.placed_at, Hold.id), view_of)


def view_of(hold: Hold) -> dict[str, Any]:
    """A hold as organisers of all marathons see it."""
    return {name: getattr(hold, name) for name in ("marathon", "reason", "placed_at", "lifted_at")}


def _open(work: Work, marathon: str) -> Hold | None:
    query = select(Hold).where(Hold.marathon == marathon, Hold.lifted_at.is_(None))
    return work.session.scalar(query)
