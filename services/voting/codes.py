"""Paper codes: single use, in batches sealed to a place, stored hashed (RULES V13)."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select

from services.chassis.errors import NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.voting import candidates, passes, polls
from services.voting.rules import RULES
from services.voting.tables import BallotRow, Code, CodeBatch, Poll

# Crockford's alphabet: no I, L, O or U; what people read for others is understood all the same.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
READ_AS = str.maketrans("OIL", "011", " \t\n\r\u00a0\u202f-\u2010\u2011\u2012\u2013\u2014\u2212.")


def issue(work: Work, poll: str, place: str, count: int) -> dict[str, Any]:
    """New codes for a place; shown this once. Raises ``Refusal("poll_over")`` after closing."""
    found = polls.find(work, poll)
    work.actor.must("organiser", found.marathon)
    found = polls.held(work, poll)
    _must_not_be_over(found)
    batch = CodeBatch(
        id=work.new_id(),
        poll=poll,
        place=place,
        size=count,
        state="issued",
        issued_at=work.now,
    )
    work.session.add(batch)
    work.session.flush()
    secret = polls.secret_of(work, found)
    # A set: two alike among 2**60 are not to be expected, and would be refused by the table.
    codes = sorted({_new_code(work) for _ in range(count)})
    rows = [
        {"poll": poll, "hash": hash_of(secret, code), "batch": batch.id, "used": False}
        for code in codes
    ]
    work.session.execute(insert(Code), rows)
    return {**_line(batch, {}), "codes": codes}


def revoke(work: Work, poll: str, batch: str) -> dict[str, Any]:
    """Revokes a batch: its unused codes are refused, the ballots cast with it do not count.

    The record names the batch and how many of its codes were used; of very few (RULES V6) their
    ballots are not among the raw totals either. Only before the count, so that nobody revokes
    knowing what it changes (RULES V9). Raises ``Refusal("poll_counted")`` afterwards.
    """
    found = polls.find(work, poll)
    work.actor.must("organiser", found.marathon)
    work.lock(f"marathon:{found.marathon}")
    found = polls.held(work, poll)
    if found.state in ("counted", "void"):
        raise Refusal(
            "poll_counted",
            "Le scrutin est dépouillé : les codes ne se révoquent plus.",
            state=found.state,
        )
    query = select(CodeBatch).where(CodeBatch.id == batch, CodeBatch.poll == poll)
    row = work.session.scalar(query.with_for_update())
    if row is None:
        raise NotFound("code_batch", batch)
    if row.state == "issued":
        row.state, row.revoked_at = "revoked", work.now
    return _line(row, _used(work, poll))


def batches(work: Work, poll: str, page: Page) -> Answer:
    """The batches of a poll, oldest first, without the codes."""
    found = polls.find(work, poll)
    work.actor.must("organiser", found.marathon)
    used = _used(work, poll)
    query = select(CodeBatch).where(CodeBatch.poll == poll)
    order = (CodeBatch.issued_at, CodeBatch.id)
    return page.rows(work.session, query, order, lambda row: _line(row, used))


def summary(work: Work, poll: Poll) -> list[dict[str, Any]]:
    """The batches as the record shows them."""
    used = _used(work, poll.id)
    return [
        {"place": row.place, "size": row.size, "used": used.get(row.id, 0), "state": row.state}
        for row in _rows(work, poll.id)
    ]


def settle(work: Work, poll: Poll) -> None:
    """Notes how many of each batch voted, before the codes themselves are deleted."""
    used = _used(work, poll.id)
    for row in _rows(work, poll.id):
        row.used = used.get(row.id, 0) if row.used is None else row.used


def spend(work: Work, poll: Poll, given: str) -> str:
    """Uses a code up; answers its voter key.

    A code works once; again only where its ballot was spoilt since (RULES V11). Raises
    ``Refusal`` "code_unknown", "code_revoked" or "code_used".
    """
    secret = polls.secret_of(work, poll)
    hashed = hash_of(secret, given)
    query = select(Code).where(Code.poll == poll.id, Code.hash == hashed)
    # Locked: two who use one code at once come one after the other, and the second is refused.
    code = work.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if code is None:
        raise Refusal(
            "code_unknown", "Ce code n’existe pas.", "Recopiez-le tel qu’il est imprimé.", 404
        )
    if _is_revoked(work, code.batch):
        raise Refusal(
            "code_revoked",
            "Ce code a été révoqué par l’organisation.",
            "Demandez un autre code ou votez par courriel.",
        )
    voter = voter_key(secret, given)
    if code.used and not _is_spoilt(work, poll, voter):
        raise Refusal("code_used", "Ce code a déjà servi.", "Un code ne vaut qu’un bulletin.")
    code.used = True
    return voter


class Revoked(NamedTuple):
    """The voter keys of the codes of revoked batches that were used; and those of them of which
    the totals may show nothing, for of so few the difference would be their choice (RULES V6)."""

    voters: set[str]
    too_few: set[str]


def revoked(work: Work, poll: Poll) -> Revoked:
    """Whose ballots do not count, for their codes were revoked."""
    rows = work.session.execute(
        select(Code.batch, Code.hash)
        .join(CodeBatch, CodeBatch.id == Code.batch)
        .where(Code.poll == poll.id, CodeBatch.state == "revoked", Code.used)
    )
    secret, batches = polls.secret_of(work, poll), defaultdict(set)
    for batch, hashed in rows:
        batches[batch].add(passes.voter_key(secret, f"code:{hashed}"))
    few = [each for each in batches.values() if len(each) < RULES.least_invalidated]
    return Revoked(set().union(*batches.values()), set().union(*few))


def voter_key(secret: str, given: str) -> str:
    """The key under which whoever holds this code votes."""
    return passes.voter_key(secret, f"code:{hash_of(secret, given)}")


def hash_of(secret: str, given: str) -> str:
    """How a code is stored: keyed, so that the table alone does not let it be guessed."""
    plain = given.upper().translate(READ_AS)
    return hmac.digest(secret.encode(), f"paper:{plain}".encode(), hashlib.sha256).hex()


def _new_code(work: Work) -> str:
    symbols = "".join(work.random.choice(ALPHABET) for _ in range(RULES.code_symbols))
    return "-".join(symbols[at : at + 4] for at in range(0, len(symbols), 4))


def _is_revoked(work: Work, batch: str) -> bool:
    # Shared, so that a revocation waits for ballots under way and the next ones see it.
    query = select(CodeBatch.state).where(CodeBatch.id == batch).with_for_update(read=True)
    return work.session.scalar(query) == "revoked"


def _is_spoilt(work: Work, poll: Poll, voter: str) -> bool:
    """Whether a code's last ballot is for a project that can't be voted for any more."""
    choices = work.session.scalars(
        select(BallotRow.choice)
        .where(BallotRow.poll == poll.id, BallotRow.voter_key == voter)
        .order_by(BallotRow.accepted_at.desc(), BallotRow.batch.desc())
    )
    last = choices.first()
    return last is not None and not candidates.is_standing(work, poll, last)


def _used(work: Work, poll: str) -> dict[str, int]:
    number = func.count().label("number")
    query = select(Code.batch, number).where(Code.poll == poll, Code.used).group_by(Code.batch)
    return {row.batch: row.number for row in work.session.execute(query)}


def _rows(work: Work, poll: str) -> list[CodeBatch]:
    query = select(CodeBatch).where(CodeBatch.poll == poll)
    return list(work.session.scalars(query.order_by(CodeBatch.issued_at, CodeBatch.place)))


def _line(row: CodeBatch, used: dict[str, int]) -> dict[str, Any]:
    return {
        "batch": row.id,
        "place": row.place,
        "size": row.size,
        "used": used.get(row.id, 0) if row.used is None else row.used,
        "state": row.state,
        "issued_at": row.issued_at,
        "revoked_at": row.revoked_at,
    }


def _must_not_be_over(poll: Poll) -> None:
    if poll.state not in ("draft", "prepared", "open"):
        raise Refusal(
            "poll_over", "Le vote est clos : on n’imprime plus de codes.", state=poll.state
        )
