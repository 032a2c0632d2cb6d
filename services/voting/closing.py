"""Opening, closing, counting and voiding a poll: each a step of its own.

The caller holds the marathon's lock and the poll's row.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, select

from services.chassis.work import Work
from services.voting import candidates, codes, confirmations, polls, record, unlinking, window
from services.voting.count import Ballot, count
from services.voting.tables import BallotRow, BoxRow, Poll, Voter


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
        close(work, poll)


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


def close(work: Work, poll: Poll) -> None:
    """Closes a poll: what is not confirmed by now never counts. Totals only, no counts."""
    poll.state = "closed"
    poll.closed_at = work.now
    poll.received = work.session.scalar(
        select(func.count()).select_from(BallotRow).where(BallotRow.poll == poll.id)
    )
    confirmations.end_all(work, poll)
    work.say("poll_closed", poll.id, polls.state_of(poll))


def count_poll(work: Work, poll: Poll, marathon: dict[str, Any]) -> None:
    """Counts a closed poll, once, as soon as all withdrawals have been heard."""
    if not candidates.are_complete(work, marathon):
        return
    ballots = _ballots(work, poll)
    revoked = codes.revoked_voters(work, poll)
    outcome = count(
        ballots,
        candidates=[entry["id"] for entry in poll.projects],
        spoilt=candidates.spoilt(work, poll),
        invalidated={ballot.tracker for ballot in ballots if ballot.voter in revoked},
        rule=poll.rule,
    )
    poll.state = "counted"
    poll.counted_at = work.now
    poll.record = record.write(work, poll, outcome)
    poll.tally = record.tally(poll.record)
    _fill_box(work, poll, list(outcome.box))
    work.say("poll_counted", poll.id, polls.state_of(poll))


def void(work: Work, poll: Poll) -> None:
    """Voids a poll and destroys all that was voted in it; said as a closing."""
    if poll.state == "void":
        return
    poll.state = "void"
    poll.received = poll.tally = poll.record = None
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


def _ballots(work: Work, poll: Poll) -> list[Ballot]:
    rows = work.session.execute(
        select(
            BallotRow.tracker,
            BallotRow.voter_key,
            BallotRow.choice,
            BallotRow.accepted_at,
            BallotRow.gateway,
            BallotRow.batch,
            BallotRow.index_in_batch,
        ).where(BallotRow.poll == poll.id)
    )
    return [Ballot(*row) for row in rows]


def _fill_box(work: Work, poll: Poll, box: list[tuple[str, str]]) -> None:
    if box:
        work.random.shuffle(box)
        rows = [{"poll": poll.id, "tracker": t, "choice": choice} for t, choice in box]
        work.session.execute(insert(BoxRow), rows)
