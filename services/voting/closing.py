"""Opening, closing, counting and voiding a poll: each a step of its own.

The caller holds the marathon's lock and the poll's row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import structlog
from sqlalchemy import Column, MetaData, Select, Table, delete, exists, func, insert, select, text

from services.chassis.columns import Key
from services.chassis.work import Work
from services.voting import (
    candidates,
    codes,
    confirmations,
    lanes,
    polls,
    quarantine,
    record,
    unlinking,
    window,
)
from services.voting.count import Cast, outcome_of, recount_sorted, settle
from services.voting.tables import BallotRow, BoxRow, InvalidatedBallot, Poll, Voter

log = structlog.get_logger()

AT_ONCE = 5000
BALLOTS, BOX, INVALIDATED = (
    cast("Table", each.__table__) for each in (BallotRow, BoxRow, InvalidatedBallot)
)
NOT_COUNTED = Table(
    "not_counted", MetaData(), Column("tracker", Key, primary_key=True), prefixes=["TEMPORARY"]
)
"""The trackers that are not put into the box, while it is filled."""


def advance(work: Work, poll: Poll, marathon: dict[str, Any]) -> None:
    """Does all that the marathon's state and the time require, up to the closing.

    The count is not among it: it is a transaction of its own (RULES V7).
    """
    if marathon["state"] == "cancelled" or _can_never_open(work, poll, marathon):
        void(work, poll)
        return
    if poll.state in ("draft", "prepared"):
        changed = polls.follow(work, poll, marathon)
        if changed and poll.state == "prepared":
            work.say("poll_prepared", poll.id, polls.state_of(poll))
    if window.next_step(poll, marathon, work.now) == "open":
        open_poll(work, poll, marathon)
    if poll.state == "open":
        move(work, poll, marathon)
    if window.next_step(poll, marathon, work.now) == "close":
        close_if_complete(work, poll)


def open_poll(work: Work, poll: Poll, marathon: dict[str, Any]) -> None:
    """Opens a poll with the projects that started; its rules are frozen from here on."""
    poll.state = "open"
    started = marathon["projects"] or poll.projects
    poll.projects = sorted(started, key=lambda entry: str(entry["id"]))
    work.say("poll_opened", poll.id, polls.state_of(poll))


def move(work: Work, poll: Poll, marathon: dict[str, Any]) -> None:
    """Moves the closing of an open poll to where the marathon now has it, and says so."""
    before = poll.closes_at
    if before is None or work.now >= before:
        return
    wanted = window.declared(poll, marathon).closes_at
    after = before
    if wanted is not None and wanted != poll.declared_closes_at:
        poll.declared_closes_at = wanted
        after = window.moved(before, wanted, work.now)
    poll.closes_at = window.cut(after, marathon, work.now)
    if poll.closes_at != before:
        work.say("poll_opened", poll.id, polls.state_of(poll))


def close_if_complete(work: Work, poll: Poll) -> None:
    """Closes a poll once every ballot of which somebody may have a receipt is here.

    What is not confirmed by now never counts. Totals only, no counts; what looks suspicious is
    put into quarantine.
    """
    absent = lanes.missing(work, poll)
    if absent:
        log.info("poll_not_complete", poll=poll.id, missing=absent)
        return
    poll.state = "closed"
    poll.closed_at = work.now
    poll.received = work.session.scalar(
        select(func.count()).select_from(BallotRow).where(BallotRow.poll == poll.id)
    )
    confirmations.end_all(work, poll)
    _take_time(work)
    quarantine.fill(work, poll)
    work.say("poll_closed", poll.id, polls.state_of(poll))


def may_count(work: Work, poll: Poll, marathon: dict[str, Any]) -> bool:
    """Whether all withdrawals have been heard and nothing is in quarantine (RULES V9)."""
    return candidates.are_complete(work, marathon) and not quarantine.holds(work, poll)


def count_poll(work: Work, poll: Poll) -> None:
    """Counts a closed poll that :func:`may_count` lets be counted, once."""
    _take_time(work)
    spoilt = candidates.spoilt(work, poll)
    standing = {entry["id"] for entry in poll.projects} - spoilt
    revoked = codes.revoked(work, poll)
    settled = settle(ballots_of(work, poll, revoked.voters), standing, revoked.too_few)
    fill_box(work, poll, settled.left_out)
    outcome = outcome_of(settled, recount_sorted(box_of(work, poll)), poll.rule)
    poll.state = "counted"
    poll.counted_at = work.now
    poll.record = record.write(work, poll, outcome)
    poll.tally = record.tally(poll.record)
    work.say("poll_counted", poll.id, polls.state_of(poll))


def void(work: Work, poll: Poll) -> None:
    """Voids a poll and destroys all that was voted in it; said as a closing."""
    if poll.state == "void":
        return
    poll.state = "void"
    poll.received = poll.quarantined = poll.tally = poll.record = None
    confirmations.end_all(work, poll)
    for table in (BoxRow, Voter):
        work.session.execute(delete(table).where(table.poll == poll.id))
    unlinking.destroy(work, poll)
    work.say("poll_closed", poll.id, polls.state_of(poll))


def _can_never_open(work: Work, poll: Poll, marathon: dict[str, Any]) -> bool:
    # The marathon went by without a vote: the jury must not wait for a count.
    waits = poll.state == "draft" or (
        poll.state == "prepared" and poll.opens_at is not None and work.now < poll.opens_at
    )
    return waits and marathon["state"] in window.OVER


def ballots_of(work: Work, poll: Poll, revoked: set[str]) -> Iterator[Cast]:
    """All ballots as the count takes them, a few thousand at a time: nobody else waits long."""
    row = BALLOTS.c
    order = (row.voter_key, row.accepted_at, row.gateway, row.batch, row.index_in_batch)
    out = INVALIDATED.c
    query = (
        select(row.voter_key, row.tracker, row.choice, out.tracker.is_not(None))
        .outerjoin_from(BALLOTS, INVALIDATED, (out.poll == row.poll) & (out.tracker == row.tracker))
        .where(row.poll == poll.id)
    )
    rows = _streamed(work, query.order_by(*order, row.tracker))
    if not revoked:
        return rows
    return (
        (voter, tracker, choice, taken or voter in revoked)
        for voter, tracker, choice, taken in rows
    )


def fill_box(work: Work, poll: Poll, left_out: list[str]) -> None:
    """Puts all ballots but those left out into the box, in a random order: where a row lies
    must not tell beside whom it was cast (RULES V7)."""
    connection = work.session.connection()
    NOT_COUNTED.create(connection)
    for start in range(0, len(left_out), AT_ONCE):
        rows = [{"tracker": tracker} for tracker in left_out[start : start + AT_ONCE]]
        work.session.execute(insert(NOT_COUNTED), rows)
    # Not "not in": beyond a few megabytes PostgreSQL looks that list through for every ballot.
    is_left_out = exists().where(NOT_COUNTED.c.tracker == BallotRow.tracker)
    counted = (
        select(BallotRow.poll, BallotRow.tracker, BallotRow.choice)
        .where(BallotRow.poll == poll.id)
        .where(~is_left_out)
        .order_by(func.random())
    )
    work.session.execute(insert(BoxRow).from_select(["poll", "tracker", "choice"], counted))
    NOT_COUNTED.drop(connection)


def box_of(work: Work, poll: Poll) -> Iterator[tuple[str, str]]:
    """The box by tracker, a few thousand rows at a time."""
    query = select(BOX.c.tracker, BOX.c.choice).where(BOX.c.poll == poll.id)
    return _streamed(work, query.order_by(BOX.c.tracker))


def _streamed(work: Work, query: Select[Any]) -> Iterator[Any]:
    # Tables rather than classes, on the connection: a third of the time for a million rows.
    return iter(work.session.connection().execute(query, execution_options={"yield_per": AT_ONCE}))


def _take_time(work: Work) -> None:
    """Lets each statement of the count take as long as it needs: a million rows are sorted."""
    if work.session.get_bind().dialect.name == "postgresql":
        work.session.execute(text("SET LOCAL statement_timeout = 0"))
