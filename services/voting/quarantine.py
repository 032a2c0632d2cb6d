"""Quarantine: what looks suspicious waits for a look before the count (RULES V15, V9).

A case tells its reason and its numbers, never a choice, and never whose network it is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, or_, select, update

from services.chassis import held
from services.chassis.errors import NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.voting import before_count, polls, selection, suspicion
from services.voting.tables import Decision, Poll, QuarantineCase

OPEN = "open"


def fill(work: Work, poll: Poll) -> None:
    """Puts into quarantine what is suspicious in a poll that closes."""
    for finding in suspicion.look(work, poll):
        case = QuarantineCase(
            id=work.new_id(), poll=poll.id, state=OPEN, found_at=work.now, **finding._asdict()
        )
        case.ballots, case.voters = _standing(work, poll, [case])
        case.remaining = case.ballots
        work.session.add(case)
    work.session.flush()
    poll.quarantined = _standing(work, poll, open_cases(work, poll))[0]


def holds(work: Work, poll: Poll) -> bool:
    """Whether the count has to wait: for a look at a case, or for a second signature."""
    waiting = or_(
        exists().where(QuarantineCase.poll == poll.id, QuarantineCase.state == OPEN),
        exists().where(Decision.poll == poll.id, Decision.state == "signed"),
    )
    return bool(work.session.scalar(select(waiting)))


def list_cases(work: Work, poll: str, page: Page) -> Answer:
    """The cases of a poll, by when their ballots came, for its organisers."""
    found = before_count.seen(work, poll)
    query = select(QuarantineCase).where(QuarantineCase.poll == found.id)
    return page.rows(work.session, query, (QuarantineCase.from_at, QuarantineCase.id), _line)


def release(work: Work, poll: str, case: str, reason: str) -> dict[str, Any]:
    """Lets the ballots of one case count, after a look at it.

    Raises what :func:`before_count.held` raises, ``NotFound("case")``,
    ``Refusal("case_resolved")``.
    """
    found = before_count.held(work, poll)
    row = work.session.get(QuarantineCase, case, populate_existing=True)
    if row is None or row.poll != found.id:
        raise NotFound("case", case)
    if row.state != OPEN:
        raise Refusal("case_resolved", "Il est déjà décidé de ces bulletins.", state=row.state)
    let_go(work, row, reason)
    settle(work, found)
    return _line(row)


def let_go(work: Work, case: QuarantineCase, reason: str) -> None:
    """Notes that a case was released, by whom and why."""
    case.state, case.resolved_at, case.reason = "released", work.now, reason
    case.by_key, case.by_name = work.actor.key, work.actor.name[:200]


def open_cases(work: Work, poll: Poll) -> list[QuarantineCase]:
    """The cases nothing was decided of yet."""
    query = select(QuarantineCase).where(
        QuarantineCase.poll == poll.id, QuarantineCase.state == OPEN
    )
    ordered = query.order_by(QuarantineCase.from_at, QuarantineCase.id)
    return list(work.session.scalars(ordered))


def in_open_cases(work: Work, poll: Poll) -> tuple[int, int]:
    """How many ballots are in open cases, and of how many voters."""
    return _standing(work, poll, open_cases(work, poll))


def settle(work: Work, poll: Poll) -> None:
    """After a decision: a case without ballots is resolved; says how many are left in all."""
    work.session.flush()
    for case in open_cases(work, poll):
        case.remaining = _standing(work, poll, [case])[0]
        if case.remaining == 0:
            case.state, case.resolved_at = "invalidated", work.now
    work.session.flush()
    if poll.state != "closed":
        return
    before, poll.quarantined = poll.quarantined, in_open_cases(work, poll)[0]
    if poll.quarantined != before:
        work.say("poll_closed", poll.id, polls.state_of(poll))


def summary(work: Work, poll: Poll) -> list[dict[str, Any]]:
    """The cases as the record shows them: to everybody, so without domains and names."""
    query = select(QuarantineCase).where(QuarantineCase.poll == poll.id)
    ordered = query.order_by(QuarantineCase.from_at, QuarantineCase.id)
    names = ("kind", "limit", "ballots", "voters", "state", "reason")
    return [{name: getattr(case, name) for name in names} for case in work.session.scalars(ordered)]


def forget(work: Work, person: str) -> None:
    """Takes an erased person's name away; the key stays (RULES D2)."""
    theirs = update(QuarantineCase).where(QuarantineCase.by_key == person)
    work.session.execute(theirs.values(by_name=""))


def released_by(work: Work, person: str) -> list[dict[str, Any]]:
    """The cases that a person released, for them to see."""
    query = select(QuarantineCase, Poll.marathon).join(Poll, Poll.id == QuarantineCase.poll)
    theirs = query.where(QuarantineCase.by_key == person).order_by(QuarantineCase.resolved_at)
    return [
        {"marathon": marathon, "kind": case.kind, **held.columns(case, "reason", "resolved_at")}
        for case, marathon in work.session.execute(theirs)
    ]


def _standing(work: Work, poll: Poll, cases: list[QuarantineCase]) -> tuple[int, int]:
    return selection.numbers(work, [*selection.standing(poll), selection.of_cases(cases)])


def _line(case: QuarantineCase) -> dict[str, Any]:
    names = ("kind", "domain", "from_at", "to_at", "limit", "ballots", "voters", "remaining")
    more = ("state", "found_at", "resolved_at", "reason", "by_name")
    return {"case": case.id, **{name: getattr(case, name) for name in (*names, *more)}}
