"""The lanes by which gateways send ballots, and the proof that all have come (ADR 0011).

A closed lane's last batch is known from the broker; every number up to it must be here. That
holds for a gateway that answers, one that hangs and one that was killed alike: none is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.orm import Session

from services.chassis import metrics
from services.chassis.confirms import BROKER_ERRORS
from services.chassis.core import Core
from services.chassis.database import insert
from services.chassis.errors import Refusal
from services.chassis.failures import UNKNOWN
from services.chassis.streams import Lanes, TailBusy, TailGone
from services.chassis.tables import failed_events
from services.chassis.work import Work
from services.voting.messages_ballots import BALLOTS
from services.voting.tables import BatchRow, LaneRow, Poll

log = structlog.get_logger()

GRACE = timedelta(seconds=2)
"""After the closing, for batches that were under way: they would be told to vote again."""

SETTLE_S = 1.0
"""Between closing a lane and reading its last message: what the broker had begun to put into
its queues a moment before is there by then. By no clock: who reads has closed it as well."""

EMPTY_FOR = timedelta(seconds=30)
"""So long the stream must be empty before a lost tail is done without. What a replica has in its
hands is not in the queue; one that hangs loses its connection before that, and it is again."""

LANES = cast("Table", LaneRow.__table__)


def register(work: Work, poll: str, lane: str) -> None:
    """Notes a lane. Raises ``Refusal("lane_closed")`` of one that was closed before."""
    _note(work.session, poll, lane, work.now)
    known = work.session.get_one(LaneRow, lane, with_for_update=True)
    if known.poll != poll or known.fenced_at is not None:
        raise Refusal("lane_closed", "Cette voie est fermée.", "Ouvrez-en une autre.")
    known.registered = True


def note(session: Session, poll: Poll, lanes: Collection[str]) -> None:
    """Notes lanes by which something came and which are not registered, or not yet."""
    known = set(session.scalars(select(LaneRow.id).where(LaneRow.id.in_(lanes))))
    for lane in sorted(set(lanes) - known):
        _note(session, poll.id, lane, datetime.now(UTC))


def _note(session: Session, poll: str, lane: str, now: datetime) -> None:
    row = {"id": lane, "poll": poll, "opened_at": now, "registered": False, "forgotten": False}
    session.execute(insert(session, LANES).values(row).on_conflict_do_nothing())


def missing(work: Work, poll: Poll) -> list[str]:
    """What keeps a poll from closing, in words for the operator: empty once all is here."""
    lanes = list(work.session.scalars(select(LaneRow).where(LaneRow.poll == poll.id)))
    found = [f"lane {lane.id}: its last batch is not known" for lane in lanes if lane.last is None]
    for lane in lanes:
        absent = _absent(work.session, lane) if lane.proven else 0
        if absent:
            found.append(f"lane {lane.id}: {absent} of {lane.last} batches have not come")
    parked = _failed(work.session, poll)
    return found + ([f"{parked} batches could not be stored"] if parked else [])


def overdue(work: Work) -> dict[str, list[str]]:
    """The polls that are over and can't close, with what they miss."""
    over = select(Poll).where(Poll.state == "open", Poll.closes_at <= work.now - GRACE)
    found = {poll.id: missing(work, poll) for poll in work.session.scalars(over)}
    return {poll: absent for poll, absent in found.items() if absent}


def give_up(work: Work, poll: Poll, reason: str) -> None:
    """Lets a poll close without the batches that do not come, of which receipts may have been
    given: its record says of how many lanes. Whoever decides it says why; batches that could not
    be stored have to be looked at still.
    """
    for lane in work.session.scalars(select(LaneRow).where(LaneRow.poll == poll.id)):
        if lane.last is None or (lane.proven and _absent(work.session, lane)):
            lane.last, lane.proven = _newest(work.session, lane.id), False
            log.error("lane_given_up", poll=poll.id, lane=lane.id, reason=reason)


def summary(work: Work, poll: Poll) -> dict[str, int]:
    """How complete the ballots are, for the record: lanes, their batches, and the lanes of which
    the broker had lost the last batch, or another one."""
    lanes = list(work.session.scalars(select(LaneRow).where(LaneRow.poll == poll.id)))
    return {
        "lanes": len(lanes),
        "batches": sum(_come(work.session, lane) for lane in lanes),
        "unproven": sum(1 for lane in lanes if not lane.proven),
    }


def drop_batches(work: Work, poll: Poll) -> None:
    """Forgets which batches came, and drops those that could not be stored; the lanes stay until
    the broker has forgotten them."""
    mine = select(LaneRow.id).where(LaneRow.poll == poll.id)
    work.session.execute(delete(BatchRow).where(BatchRow.lane.in_(mine)))
    work.session.execute(
        delete(failed_events)
        .where(failed_events.c.type == BALLOTS.address)
        .where(failed_events.c.subject == poll.id)
    )


def tend(core: Core, take: Any) -> None:
    """Closes the lanes of the polls that are over and learns what came by them.

    Asks the broker, so outside any transaction; any replica may do it, at once or again.
    ``take`` stores a batch, as if it had come from the queue.
    """
    broker = Lanes(BALLOTS, core.settings)
    try:
        closed = [lane for lane in core.within(_to_close) if _alone(lane, _fence, core, broker)]
        if closed and core.within(lambda work: _are_unknown(work, closed)):
            time.sleep(SETTLE_S)
        for lane in closed:
            _alone(lane, _learn_end, core, broker, take)
    finally:
        metrics.polls_overdue(len(core.within(overdue)))


def _alone(lane: str, step: Callable[..., None], core: Core, broker: Lanes, *more: Any) -> bool:
    """Takes a step of one lane, and answers whether it went through: whatever is wrong with it,
    the other polls' lanes must not wait for it."""
    try:
        step(core, broker, lane, *more)
    except BROKER_ERRORS as error:
        log.warning("lane_not_closed", lane=lane, error=repr(error))
    except Exception:
        log.exception("lane_not_closed", lane=lane)
    else:
        return True
    return False


def _to_close(work: Work) -> list[str]:
    over = (Poll.state.in_(("open", "prepared")) & (Poll.closes_at <= work.now - GRACE)) | (
        Poll.state.in_(("closed", "counted", "void"))
    )
    query = select(LaneRow.id).join(Poll, Poll.id == LaneRow.poll).where(over)
    return list(
        work.session.scalars(query.where(LaneRow.forgotten.is_(False)).order_by(LaneRow.id))
    )


def _fence(core: Core, broker: Lanes, lane: str) -> None:
    broker.fence(lane)
    core.within(lambda work: _note_fence(work, lane))


def _note_fence(work: Work, lane: str) -> None:
    row = work.session.get_one(LaneRow, lane, with_for_update=True)
    row.fenced_at = row.fenced_at or datetime.now(UTC)


def _are_unknown(work: Work, lanes: Collection[str]) -> bool:
    """Whether the end of any of these lanes is not known yet."""
    query = select(func.count()).select_from(LaneRow).where(LaneRow.id.in_(lanes))
    return bool(work.session.scalar(query.where(LaneRow.last.is_(None))))


def _learn_end(core: Core, broker: Lanes, lane: str, take: Any) -> None:
    if core.within(lambda work: _are_unknown(work, [lane])):
        try:
            told = broker.latest(lane)
        except TailBusy:
            return  # somebody else is at it, or its node is away
        except TailGone:
            told = []
        if not told and core.within(lambda work: _is_registered(work, lane)):
            _do_without(core, broker, lane)
            return
        # They may be in the tail alone, if the broker died between its two queues.
        if begun := [batch for batch in told if batch["number"]]:
            take(begun)
        last = max((batch["number"] for batch in told), default=0)
        core.within(lambda work: _learn(work, lane, last=last, proven=True))
    broker.forget(lane)
    core.within(lambda work: _set(work, lane, forgotten=True))


def _is_registered(work: Work, lane: str) -> bool:
    return work.session.get_one(LaneRow, lane).registered


def _do_without(core: Core, broker: Lanes, lane: str) -> None:
    """Takes the last batch that came for the last one of a lane whose tail the broker has lost;
    the record says so. Not while any batch may wait or be under way, for it may be a later one."""
    empty = broker.is_empty()
    core.within(lambda work: _take_for_last(work, lane, empty))


def _take_for_last(work: Work, lane: str, empty: bool) -> None:
    row, now = work.session.get_one(LaneRow, lane, with_for_update=True), datetime.now(UTC)
    row.empty_since = (row.empty_since or now) if empty else None
    if row.empty_since is None or now < row.empty_since + EMPTY_FOR:
        return
    last = _newest(work.session, lane)
    if _learn(work, lane, last=last, proven=False, forgotten=True):
        log.error("lane_lost", lane=lane)


def _newest(session: Session, lane: str) -> int:
    return session.scalar(select(func.max(BatchRow.number)).where(BatchRow.lane == lane)) or 0


def _learn(work: Work, lane: str, **values: Any) -> bool:
    """Notes a lane's end, unless it is known: whether it is news.

    A tail is taken away once its number is stored, and another replica, a moment behind, finds
    it gone: that is no loss.
    """
    unknown = update(LaneRow).where(LaneRow.id == lane, LaneRow.last.is_(None))
    done: Any = work.session.execute(unknown.values(**values))
    return bool(done.rowcount)


def _set(work: Work, lane: str, **values: Any) -> None:
    work.session.execute(update(LaneRow).where(LaneRow.id == lane).values(**values))


def _absent(session: Session, lane: LaneRow) -> int:
    """How many batches are not here; the first, number 0, only opens the lane."""
    return (lane.last or 0) - _come(session, lane)


def _come(session: Session, lane: LaneRow) -> int:
    numbers = BatchRow.number.between(1, lane.last or 0)
    query = select(func.count()).select_from(BatchRow).where(BatchRow.lane == lane.id, numbers)
    return session.scalar(query) or 0


def _failed(session: Session, poll: Poll) -> int:
    query = (
        select(func.count())
        .select_from(failed_events)
        .where(failed_events.c.type == BALLOTS.address)
        .where(failed_events.c.subject.in_((poll.id, UNKNOWN)))
    )
    return session.scalar(query) or 0
