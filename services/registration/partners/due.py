"""What the time requires between instances: questions after a start, notices, reminders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from services.chassis.work import Work
from services.registration import relay as relays
from services.registration.partners import (
    chain,
    incoming,
    letters,
    notices,
    outgoing,
    sharing,
    told,
)
from services.registration.tables import Cycle, Relay, Run

SEEN_EVERY = timedelta(minutes=1)
KEPT = outgoing.KEPT
"""So long after its end partners are still told how a cycle ended."""


def tick(work: Work) -> None:
    """Does what is due in every cycle that is shared; again changes nothing."""
    recent = or_(Cycle.finished_at.is_(None), Cycle.finished_at > work.now - KEPT)
    cycles = list(work.session.scalars(select(Cycle).where(recent).order_by(Cycle.id)))
    shared = {cycle.id: cycle for cycle in cycles if sharing.is_shared(work, cycle)}
    if not shared or sharing.signing_key(work) is None:
        return
    run = _seen(work)
    known = _known(work)
    since = {name: _waits_since(work, row, run, known) for name, row in shared.items()}
    # All that wait are asked about together, at the pace of the youngest: at its own pace alone
    # it would keep the others from their turn. There are few, and mostly none.
    everyone = [instant for instants in since.values() for instant in instants]
    asks = bool(everyone) and told.is_time_to_ask(work, run, everyone)
    for name, row in shared.items():
        if (asks and since[name]) or _is_due(work, row, known):
            _turn(work, name, asks=asks and bool(since[name]))
    if asks:
        run.asked_at = work.now


@dataclass(frozen=True)
class Known:
    """What all cycles wait for, by cycle; asked of the database at once, however many there are."""

    told: dict[str, set[str]]
    granted: dict[str, datetime]
    """Since when there is the latest grant, where it is not effective yet."""
    open: dict[str, list[Relay]]


def _known(work: Work) -> Known:
    return Known(told.by_cycle(work), chain.not_yet_effective(work), relays.open_by_cycle(work))


def _waits_since(work: Work, cycle: Cycle, run: Run, known: Known) -> list[datetime]:
    """Since when too few told us of a cycle, or hold its latest grant; nothing if neither is so."""
    since = []
    if not told.are_enough(work, cycle, known.told.get(cycle.id, set())):
        # A cycle that is opened long after the start is asked about at once, too.
        since.append(max(run.started_at, cycle.opened_at))
    if cycle.id in known.granted:
        since.append(known.granted[cycle.id])
    return since


def _is_due(work: Work, cycle: Cycle, known: Known) -> bool:
    """Whether there is anything to do in a cycle: mostly there is not, and a tick costs this."""
    is_waited_for = any(_waits(work, relay) for relay in known.open.get(cycle.id, []))
    return is_waited_for or notices.is_due(work, cycle)


def _waits(work: Work, relay: Relay) -> bool:
    """Whether an open offer waits for us: for its grant, or for a reminder of its answer."""
    return relay.state == "accepted" or letters.is_time_to_remind(work, relay)


def _turn(work: Work, cycle: str, asks: bool) -> None:
    """Does what is due in a cycle, and asks the partners what they know."""
    relays.lock_all(work, cycle)
    row = relays.locked_cycle(work, cycle)
    incoming.follow(work, row)
    relays.remind(work, cycle)
    if asks:
        notices.ask(work, row)


def _seen(work: Work) -> Run:
    run = told.present(work)
    if work.now - run.seen_at >= SEEN_EVERY:
        run.seen_at = work.now
        told.forget_ended(work)
        outgoing.forget_old(work)
        incoming.forget_old(work)
    return run
