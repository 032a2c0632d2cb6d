"""What venues does when it hears something: all that the present copies require.

Nothing depends on an event's type or on its order: heard twice, late or in another order, the
outcome is the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from services.chassis import idempotency
from services.chassis.inbox import HeardEvent
from services.chassis.work import Work
from services.venues import allocations, calls, offers
from services.venues.tables import Offer, Premises

CANCELLED = "Le marathon est annulé."
ERASED = "Le propriétaire a effacé ses données."


def react(work: Work, event: HeardEvent) -> None:
    """Does what an event, now among the copies, requires."""
    if event.kind == "person":
        forget(work, event.subject, event.state["at"])
    elif event.marathon is not None:
        reconcile(work, event.marathon)


def reconcile(work: Work, marathon: str) -> None:
    """Brings a marathon's call and seats to where the copies have them.

    The caller holds the marathon's lock.
    """
    state = work.copy("marathon", marathon)
    if state is None:
        return
    calls.follow(work, state)
    if state["state"] == "cancelled":
        _release_all(work, marathon, CANCELLED)
        return
    allocations.release_the_gone(work, marathon)
    if state["state"] == "closed":
        _release_after_closing(work, state)
    else:
        allocations.check(work, marathon)


def _release_all(work: Work, marathon: str, reason: str) -> None:
    for row in allocations.of_marathon(work, marathon, "proposed", *allocations.STANDING):
        with_keys = row.status in ("handed_over", "returned")
        allocations.give_up(work, row, "released" if with_keys else "cancelled", reason)


def _release_after_closing(work: Work, state: calls.Marathon) -> None:
    """Releases all premises but those that a prize is tied to: these stay held for its winner.

    Which those are, the palmarès says; the closing waits here for the edition it names.
    """
    closed_with = state["palmares"]
    palmares = _palmares(work, state["id"])
    if closed_with and (palmares is None or palmares["number"] < closed_with["number"]):
        return
    prizes = palmares["prizes"] if palmares else []
    tied = {prize["premises"] for prize in prizes}
    for row in allocations.of_marathon(work, state["id"], "proposed", *allocations.STANDING):
        if row.status == "proposed":
            allocations.give_up(work, row, "cancelled", None)
        elif {row.premises, row.offer} & tied:
            row.held = True
        else:
            allocations.give_up(work, row, "released", None)


def _palmares(work: Work, marathon: str) -> dict[str, Any] | None:
    found = work.copies("palmares", marathon)
    return max(found, key=lambda one: int(one["number"]), default=None)


def forget(work: Work, person: str, at: datetime) -> None:
    """Erases an owner's contact; offers of theirs that serve nobody yet end (RULES D2).

    Premises that somebody offered after the erasure are not meant.
    """
    owned = select(Premises).where(Premises.owner_key == person).order_by(Premises.id)
    theirs = [
        premises.id for premises in work.session.scalars(owned) if _last_offer(work, premises) <= at
    ]
    rows = select(Offer).where(Offer.premises.in_(theirs)).order_by(Offer.marathon, Offer.id)
    concerned = list(work.session.scalars(rows))
    for row in concerned:
        work.lock(f"marathon:{row.marathon}")
    for row in concerned:
        _end_if_unused(work, row)
    for name in theirs:
        work.session.get_one(Premises, name, populate_existing=True).contact = None
        # What was answered about them holds the contact too.
        idempotency.forget(work, name)
    work.session.flush()


def _last_offer(work: Work, premises: Premises) -> datetime:
    query = select(Offer.offered_at).where(Offer.premises == premises.id)
    return max(work.session.scalars(query))


def _end_if_unused(work: Work, row: Offer) -> None:
    work.session.refresh(row)
    standing = allocations.of_marathon(work, row.marathon, *allocations.STANDING)
    used = any(one.offer == row.id for one in standing)
    state = work.copy("marathon", row.marathon)
    over = state is not None and state["state"] in calls.OVER
    if row.state in offers.STANDING and not used and not over:
        offers.end(work, row, work.session.get_one(Premises, row.premises), ERASED)
