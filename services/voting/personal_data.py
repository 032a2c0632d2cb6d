"""What voting holds on a person, shown to them: that they voted, never how (RULES D2, V6)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis import held
from services.chassis.work import Work
from services.voting import confirmations, decisions, passes, polls, quarantine
from services.voting.tables import Entry, Poll


def my_data(work: Work) -> dict[str, Any]:
    """All that voting holds on the asker and may show.

    Not their choice, not their receipt and not how often they voted: who is made to show this
    page would else have to show that they did as told, or voted again (RULES V4, V6). What was
    chosen when asking for a link is not shown either.
    """
    key = held.asker(work)
    every = work.session.scalars(select(Poll).order_by(Poll.marathon))
    lines = [_line(work, poll, key) for poll in every]
    return {
        "polls": [line for line in lines if line["voted"] or line["links"]],
        "signatures": [*decisions.signed_by(work, key), *quarantine.released_by(work, key)],
        **held.on(work, key),
    }


def _line(work: Work, poll: Poll, key: str) -> dict[str, Any]:
    """``voted`` is false also once the link is destroyed: then nobody can tell any more."""
    return {
        "marathon": poll.marathon,
        "voted": poll.unlinked_at is None and _has_voted(work, poll, key),
        "links": [held.as_json(one) for one in confirmations.pending(work, poll, key)],
    }


def _has_voted(work: Work, poll: Poll, key: str) -> bool:
    voter = passes.voter_key(polls.secret_of(work, poll), key)
    return work.session.get(Entry, (poll.id, voter)) is not None
