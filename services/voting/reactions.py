"""What voting does when it hears something, or when the time has come.

Both do all that the present copies and the time require, whatever came first (ADR: copies and
reconcile): heard twice, late or in another order, the outcome is the same.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.inbox import HeardEvent
from services.chassis.work import Work
from services.voting import (
    closing,
    confirmations,
    decisions,
    lanes,
    polls,
    quarantine,
    retention,
    unlinking,
    window,
)
from services.voting.tables import Poll

WITHOUT_POLL = frozenset({"draft", "announced"})
QUICK = frozenset({"open", "close"})


def react(work: Work, event: HeardEvent) -> None:
    """Does what an event requires."""
    if event.kind == "person":
        every = list(work.session.scalars(select(Poll).where(Poll.unlinked_at.is_(None))))
        confirmations.end_of(work, every, event.subject)
        decisions.forget(work, event.subject)
        quarantine.forget(work, event.subject)
    elif event.marathon is not None:
        reconcile(work, event.marathon)


def reconcile(work: Work, marathon: str) -> None:
    """Brings a marathon's poll to where the copies have it, up to its closing.

    The caller holds the marathon's lock.
    """
    state = work.copy("marathon", marathon)
    if state is None or state["state"] in WITHOUT_POLL:
        return
    poll = polls.of_marathon(work, marathon) or polls.draft(work, state)
    closing.advance(work, poll, state)


def fall_due(work: Work) -> None:
    """Takes every poll one step further that has one to take, in the order of the locks.

    A step that looks at every ballot is taken alone, for the others' voters would wait for it:
    the first of those, and only once no poll has to open or close.
    """
    query = select(Poll).where(Poll.unlinked_at.is_(None)).order_by(Poll.marathon)
    steps = {
        poll.marathon: _next(work, poll, work.copy("marathon", poll.marathon))
        for poll in work.session.scalars(query)
    }
    waiting = [marathon for marathon, step in steps.items() if step]
    quick = [marathon for marathon in waiting if steps[marathon] in QUICK]
    for marathon in quick or waiting[:1]:
        work.lock(f"marathon:{marathon}")
        _step(work, marathon)
    if not waiting:  # so that locks are taken in one order
        retention.purge(work)


def _next(work: Work, poll: Poll, state: dict[str, Any] | None) -> str | None:
    """As :func:`window.next_step`; a closing or a count that has to wait is nothing to do."""
    if state is None:
        return None
    step = window.next_step(poll, state, work.now)
    waits = (step == "close" and lanes.missing(work, poll)) or (
        step == "count" and not closing.may_count(work, poll, state)
    )
    return None if waits else step


def _step(work: Work, marathon: str) -> None:
    # Looked at again under the lock: another replica may have been first.
    state, poll = work.copy("marathon", marathon), polls.of_marathon(work, marathon)
    if state is None or poll is None:
        return
    step = _next(work, poll, state)
    if step in ("open", "close"):
        closing.advance(work, poll, state)
    elif step == "count":
        closing.count_poll(work, poll)
    elif step == "unlink":
        unlinking.unlink(work, poll)
