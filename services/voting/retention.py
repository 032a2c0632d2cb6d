"""The purge of the register of who voted, by itself (RULES D1), unless held (D2)."""

from __future__ import annotations

from sqlalchemy import Select, delete, exists, or_, select

from services.chassis.work import Work
from services.voting import decisions, polls, unlinking
from services.voting.periods import REGISTER
from services.voting.tables import Poll, Voter


def purge(work: Work) -> None:
    """Drops the registers that are due, in the order of the locks; the results stay.

    The link between voters and ballots goes with them, should the marathon never have been
    closed: nothing outlives its register.
    """
    for marathon in list(work.session.scalars(_due(work))):
        if not _is_held(work, marathon):
            work.lock(f"marathon:{marathon}")
            _drop(work, marathon)


def _due(work: Work) -> Select[str]:
    has_register = or_(Poll.unlinked_at.is_(None), exists().where(Voter.poll == Poll.id))
    return (
        select(Poll.marathon)
        .where(Poll.counted_at <= work.now - REGISTER, has_register)
        .order_by(Poll.marathon)
    )


def _is_held(work: Work, marathon: str) -> bool:
    state = work.copy("marathon", marathon)
    return state is not None and bool(state["purge_held"])


def _drop(work: Work, marathon: str) -> None:
    # Looked at again under the lock: another replica, or an organiser, may have been first.
    poll = polls.of_marathon(work, marathon)
    if poll is None or poll.state != "counted" or _is_held(work, marathon):
        return
    if poll.unlinked_at is None:
        unlinking.unlink(work, poll)
    work.session.execute(delete(Voter).where(Voter.poll == poll.id))
    decisions.forget(work, poll=poll)
    # The files that still hold the rows are rewritten once more.
    poll.scrubbed_at = None
