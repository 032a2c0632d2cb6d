"""Casting: one transaction per ballot here, and what is refused stores nothing."""

from __future__ import annotations

import base64
import typing
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Session

from services.chassis import idempotency
from services.chassis.database import insert
from services.chassis.networks import network_of
from services.chassis.work import Work
from services.voting import admission, candidates, codes, eligibility, passes, polls
from services.voting.rules import RULES
from services.voting.tables import BallotRow, Entry, Poll, PollSecret

# In place of a lane, for ballots that came by RPC.
BY_CALL = "call"


def cast(
    work: Work,
    poll: str,
    project: str,
    pass_: str | None = None,
    code: str | None = None,
    ip: str = "",
) -> dict[str, Any]:
    """Accepts a ballot and answers its receipt; the voter's last one counts (RULES V4).

    Raises ``Refusal`` "poll_not_open", "poll_closed", "project_not_votable", "pass_invalid",
    "code_unknown", "code_revoked" or "code_used", and ``Forbidden`` for those the marathon's
    settings keep out. Under an idempotency key the tracker follows from voter and key: who
    repeats a ballot is given the receipt of the one that is there, and "idempotency_mismatch"
    for another choice; so nothing but the ballot itself is kept.
    """
    known = _known(work, poll, pass_, code)
    if known is not None:
        if known.choice != project:
            raise idempotency.mismatch()
        return _receipt(known)
    found = admission.open_poll(work, poll)
    candidates.must_stand(work, found, project)
    if code:
        # Of who votes on paper nothing is looked at: they were handed their code.
        voter, seen = codes.spend(work, found, code), {}
    else:
        bearer = _bearer(work, found, pass_ or "")
        key = passes.pass_key(polls.secret_of(work, found))
        voter = bearer.voter
        seen = {"domain": bearer.domain or None, "network": network_of(key, ip) or None}
    row = BallotRow(
        poll=found.id,
        tracker=_tracker(work, found, voter),
        voter_key=voter,
        choice=project,
        accepted_at=work.now,
        gateway=BY_CALL,
        batch=_enter(work.session, found, voter),
        index_in_batch=0,
        **seen,
    )
    work.session.add(row)
    return _receipt(row)


def _known(work: Work, poll: str, pass_: str | None, code: str | None) -> BallotRow | None:
    """The ballot that this voter cast before under this key, also once the poll is closed.

    Whoever repeats it while the first is under way waits here for that one.
    """
    found = polls.find(work, poll)
    secret = work.session.get(PollSecret, found.id)
    if work.key is None or secret is None:
        return None
    if code:
        voter = codes.voter_key(secret.secret, code)
    else:
        voter = passes.verify(secret.secret, found.id, pass_ or "")
    work.lock(f"ballot:{found.id}:{voter}")
    return work.session.get(BallotRow, (found.id, _tracker(work, found, voter)))


def _receipt(row: BallotRow) -> dict[str, Any]:
    return {
        "poll": row.poll,
        "receipt": row.tracker,
        "accepted_at": row.accepted_at,
    }


def _bearer(work: Work, poll: Poll, given: str) -> passes.Bearer:
    secret = polls.secret_of(work, poll)
    bearer = passes.bearer(secret, poll.id, given)
    eligibility.must_be_allowed(work, poll, secret, bearer.voter)
    return bearer


def _enter(session: Session, poll: Poll, voter: str) -> int:
    """Puts a voter on the register, or finds them there; answers which ballot of theirs it is.

    One statement: it also makes two ballots of one voter come one after the other.
    """
    register = typing.cast("Table", Entry.__table__)
    row = insert(session, register).values(poll=poll.id, voter_key=voter, ballots=1)
    row = row.on_conflict_do_update(
        index_elements=[register.c.poll, register.c.voter_key],
        set_={"ballots": register.c.ballots + 1},
    )
    number: int = session.execute(row.returning(register.c.ballots)).scalar_one()
    return number


def _tracker(work: Work, poll: Poll, voter: str) -> str:
    # Hexadecimal: a tracker that began with "-" would be a formula to a spreadsheet.
    if work.key is not None:
        return passes.keyed_tracker(polls.secret_of(work, poll), voter, work.key)
    token = work.secret_token(RULES.tracker_bytes)
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).hex()
