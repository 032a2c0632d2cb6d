"""What the time requires between instances: questions after a start, notices, reminders."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import or_, select

from services.chassis.work import Work
from services.registration import batons
from services.registration import relay as relays
from services.registration.partners import incoming, notices, outgoing, sharing, told
from services.registration.tables import Cycle, Run

SEEN_EVERY = timedelta(minutes=1)
KEPT = outgoing.KEPT
"""So long after its end partners are still told how a cycle ended."""


def tick(work: Work) -> None:
    """Does what is due in every cycle that is shared; again changes nothing."""
    recent = or_(Cycle.finished_at.is_(None), Cycle.finished_at > work.now - KEPT)
    cycles = list(work.session.scalars(select(Cycle).where(recent).order_by(Cycle.id)))
    shared = [cycle.id for cycle in cycles if sharing.is_shared(work, cycle)]
    if not shared or sharing.signing_key(work) is None:
        return
    run = _seen(work)
    asked = [_turn(work, cycle, run) for cycle in shared if _is_due(work, cycle)]
    if any(asked):
        run.asked_at = work.now


def _is_due(work: Work, cycle: str) -> bool:
    """Whether anything waits in a cycle: mostly nothing does, and this is all a tick costs."""
    row = work.session.get_one(Cycle, cycle)
    grant = batons.latest(work, cycle)
    return (
        notices.is_due(work, row)
        or not told.is_told(work, row)
        or (grant is not None and grant.received_at is None)
        or relays.has_open(work, cycle)
    )


def _turn(work: Work, cycle: str, run: Run) -> bool:
    """Does what is due in a cycle; whether it asked the partners."""
    relays.lock_all(work, cycle)
    row = relays.locked_cycle(work, cycle)
    incoming.follow(work, row)
    relays.remind(work, cycle)
    return _ask(work, row, run)


def _seen(work: Work) -> Run:
    run = told.present(work)
    if work.now - run.seen_at >= SEEN_EVERY:
        run.seen_at = work.now
        told.forget_ended(work)
        outgoing.forget_old(work)
        incoming.forget_old(work)
    return run


def _ask(work: Work, cycle: Cycle, run: Run) -> bool:
    """Asks all partners while too few told us, or hold the latest grant; whether it did."""
    # A cycle that is opened long after the start is asked about at once, too.
    since = [] if told.is_told(work, cycle) else [max(run.started_at, cycle.opened_at)]
    grant = batons.latest(work, cycle.id)
    if grant is not None and grant.received_at is None:
        since.append(grant.granted_at)
    if not since or not told.is_time_to_ask(work, run, since):
        return False
    notices.ask(work, cycle)
    return True
