"""Whether a poll takes ballots right now."""

from __future__ import annotations

from services.chassis.work import Work
from services.voting import polls, reactions, window
from services.voting.tables import Poll


def open_poll(work: Work, poll: str) -> Poll:
    """The poll, if a ballot is accepted right now; held open until the transaction's end.

    Raises :class:`NotFound`, ``Refusal`` "poll_not_open", "poll_closed" or "poll_void".
    """
    found = polls.find(work, poll)
    marathon = work.copy("marathon", found.marathon)
    if window.next_step(found, marathon, work.now) == "open":
        # The first voter may come before the timer: the window opens on its instant.
        work.lock(f"marathon:{found.marathon}")
        reactions.reconcile(work, found.marathon)
    # Before the lock too: those who come late must not hold up the closing.
    polls.must_be_open(found, work.now)
    found = polls.held(work, poll)
    polls.must_be_open(found, work.now)
    return found
