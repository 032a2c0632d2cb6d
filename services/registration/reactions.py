"""What registration does about what it hears and about the time: all that the facts require.

Nothing here depends on an event's type or on its order: the newest copies and our own tables
say what is to be done, and doing it again changes nothing.
"""

from __future__ import annotations

from services.chassis.inbox import HeardEvent
from services.chassis.work import Work
from services.registration import marathons, places, relay, retention, schedule, stages
from services.registration.partners import due, sharing
from services.registration.tables import Marathon


def react(work: Work, event: HeardEvent) -> None:
    """Does what an event, now among the copies, requires."""
    if event.kind == "relay":
        _receive(work, event)
    elif event.marathon is not None:
        reconcile(work, event.marathon)


def reconcile(work: Work, marathon: str) -> None:
    """Does all that the present copies require for a marathon and its cycle."""
    known = work.session.get(Marathon, marathon)
    if known is None or sharing.is_elsewhere(work, known):
        return
    row = marathons.locked(work, marathon)
    schedule.advance(work, row)
    # Its end moves the baton on once it was heard, not before: an arrow like any other.
    heard = work.copy("marathon", marathon)
    if heard is not None and heard["state"] in marathons.OVER:
        stages.release_all(work, marathon)
        relay.settle(work, row.cycle)


def _receive(work: Work, event: HeardEvent) -> None:
    # The event itself is locked on its relay; what it changes is the receiving marathon.
    row = marathons.locked_anywhere(work, event.state["to_marathon"])
    relay.receive(work, event.subject)
    if not sharing.is_elsewhere(work, row):
        schedule.advance(work, row)


def fall_due(work: Work) -> None:
    """Does what the time requires of every marathon, by id, and every offer of the baton."""
    if retention.purge(work):
        return  # a transaction of its own; the rest is due still
    for marathon in sorted({*schedule.candidates(work), *places.candidates(work)}):
        row = marathons.locked_anywhere(work, marathon)
        if not sharing.is_elsewhere(work, row):
            schedule.advance(work, row)
            places.follow_up(work, row)
    relay.expire(work)
    due.tick(work)
