"""What the partners told this run: a start may follow a restore from an old copy (DESIGN §5).

Until more than half of the others told which grants they know, this run neither grants nor
witnesses, and holds no baton.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from services.chassis.work import Work
from services.registration.partners import sharing
from services.registration.tables import Cycle, Run, Told

SOONEST, LATEST = timedelta(seconds=2), timedelta(minutes=10)
GONE = timedelta(days=2)
"""A run that was not seen for so long has ended."""


def present(work: Work) -> Run:
    """The row of this run, made when it first acts."""
    row = work.session.get(Run, work.run)
    if row is None:
        row = Run(id=work.run, started_at=work.now, seen_at=work.now)
        work.session.add(row)
        work.session.flush()
    return row


def is_told(work: Work, cycle: Cycle) -> bool:
    """Whether more than half of the others told this run what they know."""
    return are_enough(work, cycle, _told(work, cycle))


def are_enough(work: Work, cycle: Cycle, told: set[str]) -> bool:
    """Whether more than half of the others are among these."""
    others = sharing.others(work, cycle)
    return len(told & set(others)) >= sharing.majority(len(others))


def by_cycle(work: Work) -> dict[str, set[str]]:
    """By cycle the partners that told this run what they know."""
    found: dict[str, set[str]] = {}
    query = select(Told.cycle, Told.partner).where(Told.run == work.run)
    for cycle, partner in work.session.execute(query):
        found.setdefault(cycle, set()).add(partner)
    return found


def missing(work: Work, cycle: Cycle) -> list[str]:
    """The others that have not told this run anything yet."""
    told = _told(work, cycle)
    return [name for name in sharing.others(work, cycle) if name not in told]


def _told(work: Work, cycle: Cycle) -> set[str]:
    query = select(Told.partner).where(Told.run == work.run, Told.cycle == cycle.id)
    return set(work.session.scalars(query))


def note(work: Work, cycle: Cycle, partner: str, run: str) -> bool:
    """A partner answered a run of ours; an answer to anybody else's question is nothing.

    Answers whether that is new.
    """
    if work.session.get(Run, run) is None:
        return False
    if work.session.get(Told, (run, cycle.id, partner)) is not None:
        return False
    work.session.add(Told(run=run, cycle=cycle.id, partner=partner, at=work.now))
    work.session.flush()
    return True


def is_time_to_ask(work: Work, run: Run, since: list[datetime]) -> bool:
    """Whether to ask again: soon after what ``since`` began, then ever more seldom."""
    age = min((work.now - instant for instant in since), default=LATEST)
    wait = max(SOONEST, min(age / 2, LATEST))
    return run.asked_at is None or work.now - run.asked_at >= wait


def forget_ended(work: Work) -> None:
    """Forgets the runs that are over."""
    ended = select(Run.id).where(Run.seen_at <= work.now - GONE, Run.id != work.run)
    work.session.execute(delete(Told).where(Told.run.in_(ended)))
    work.session.execute(delete(Run).where(Run.seen_at <= work.now - GONE, Run.id != work.run))
