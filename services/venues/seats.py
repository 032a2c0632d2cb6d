"""Which seat of which premises is taken when: rows under a primary key (RULES P2)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select

from services.chassis.database import insert
from services.chassis.work import Work
from services.venues.tables import Allocation, Occupied, Premises

QUARTER_S = 900


def quarters(from_at: datetime, to_at: datetime) -> range:
    """The quarters of an hour since 1970 that a half-open interval touches."""
    first = int(from_at.timestamp()) // QUARTER_S
    after = -(-int(to_at.timestamp()) // QUARTER_S)
    return range(first, after)


def free(
    work: Work,
    premises: Premises,
    from_at: datetime,
    to_at: datetime,
    leaving: Collection[str] = (),
) -> list[int]:
    """The seats free over the whole interval, as if the allocations ``leaving`` were gone."""
    wanted = quarters(from_at, to_at)
    query = select(Occupied.seat).where(
        Occupied.premises == premises.id,
        Occupied.quarter >= wanted.start,
        Occupied.quarter < wanted.stop,
        Occupied.allocation.not_in(list(leaving)),
    )
    taken = set(work.session.scalars(query.distinct()))
    return [seat for seat in range(1, premises.capacity + 1) if seat not in taken]


def take(work: Work, allocation: Allocation) -> bool:
    """Takes the seat of an allocation for its interval, all of it or nothing of it."""
    wanted = quarters(allocation.from_at, allocation.to_at)
    rows = [
        {
            "premises": allocation.premises,
            "seat": allocation.seat,
            "quarter": quarter,
            "allocation": allocation.id,
        }
        for quarter in wanted
    ]
    work.session.flush()
    # Somebody else's uncommitted rows are waited for here; then the constraint has decided.
    taken = insert(work.session, Occupied.__table__).values(rows)  # type: ignore[arg-type]
    taken = taken.on_conflict_do_nothing().returning(Occupied.quarter)
    if len(work.session.execute(taken).all()) == len(rows):
        return True
    leave(work, allocation)
    return False


def take_any(work: Work, allocation: Allocation, premises: Premises) -> bool:
    """Takes the allocation's own seat, or else the first that is free."""
    if allocation.seat <= premises.capacity and take(work, allocation):
        return True
    for seat in free(work, premises, allocation.from_at, allocation.to_at):
        allocation.seat = seat
        if take(work, allocation):
            return True
    return False


def leave(work: Work, allocation: Allocation) -> None:
    """Gives the seat of an allocation back."""
    work.session.execute(delete(Occupied).where(Occupied.allocation == allocation.id))


def has_seat(work: Work, allocation: Allocation) -> bool:
    """Whether the allocation's seat is taken for it, for exactly its interval."""
    query = select(Occupied.quarter).where(
        Occupied.allocation == allocation.id, Occupied.seat == allocation.seat
    )
    return set(work.session.scalars(query)) == set(quarters(allocation.from_at, allocation.to_at))
