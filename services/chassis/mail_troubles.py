"""Mails that are not on their way: what organisers see of them, and what they can do.

Nothing here tells whom a mail is for, or what is in it: an address is masked, and of subjects
and texts nothing is shown. Who may see only how many wait may be any organiser; what is about
single mails is for those who organise all marathons.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, delete, func, select, update
from sqlalchemy.orm import Session

from services.chassis import mail_queue
from services.chassis.errors import Forbidden, NotFound
from services.chassis.mail_queue import DROPPED, EXPIRED, REFUSED, UNDELIVERED, UNWRITABLE
from services.chassis.paging import Answer, Page
from services.chassis.people_tables import mail_tallies, mails

if TYPE_CHECKING:
    from services.chassis.work import Work

REASONS = (REFUSED, UNDELIVERED, UNWRITABLE)
LATELY = timedelta(days=30)

_WAITING = mails.c.parked_at.is_(None)
_PARKED = mails.c.parked_at.is_not(None)


def state(work: Work) -> dict[str, Any]:
    """How the outbox does, in figures. Raises ``Forbidden`` for who organises nothing."""
    if not any(role == "organiser" for role, _marathon in work.actor.roles):
        raise Forbidden()
    return {
        **figures(work.session, work.now),
        **_last_failure(work.session),
        "expired": _tallied(work.session, work.now, EXPIRED),
        "dropped": _tallied(work.session, work.now, DROPPED),
    }


def figures(session: Session, now: datetime) -> dict[str, Any]:
    """How many wait, since when the oldest does, how many were put off and are parked."""
    still_good = _WAITING & mail_queue.still_good(now)
    waiting = select(
        func.count(), func.min(mails.c.created_at), func.count(mails.c.failed_at)
    ).where(still_good)
    number, oldest_at, put_off = session.execute(waiting).one()
    parked = select(mails.c.parked_for, func.count()).where(_PARKED).group_by(mails.c.parked_for)
    found: dict[str | None, int] = dict(session.execute(parked).all())
    return {
        "waiting": number,
        "oldest_at": oldest_at,
        "put_off": put_off,
        "parked": {reason: found.get(reason, 0) for reason in REASONS},
    }


def troubles(work: Work, page: Page) -> Answer:
    """A page of the parked mails, the newest first. Raises ``Forbidden``."""
    work.actor.must("organiser", None)
    rows = work.session.execute(select(mails).where(_PARKED)).all()
    return page.of(rows, lambda row: (row.parked_at.isoformat(), row.id), _view, falling=True)


def retry(work: Work, mail: str | None = None) -> dict[str, int]:
    """Has one mail sent at once, or all that wait or are parked; answers how many.

    What a sender has in hand stays with it, and what holds a link or a code is blank once it is
    parked: both are left as they are. Raises ``Forbidden``, ``NotFound("mail")``.
    """
    work.actor.must("organiser", None)
    can = mail_queue.in_nobodys_hand(work.now) & _is_whole()
    wanted = can if mail is None else can & (mails.c.id == mail)
    # The attempts stay: by their number a sender knows whether the mail is still its own.
    fresh = {"due_at": work.now, "give_up_at": work.now + mail_queue.PATIENCE}
    again = update(mails).where(wanted).values(parked_at=None, parked_for=None, **fresh)
    return {"mails": _done(work, again.returning(mails.c.id), mail)}


def drop(work: Work, mail: str) -> dict[str, int]:
    """Drops a parked mail for good; it is counted. Raises ``Forbidden``, ``NotFound("mail")``."""
    work.actor.must("organiser", None)
    gone = delete(mails).where(_PARKED, mails.c.id == mail).returning(mails.c.id)
    number = _done(work, gone, mail)
    mail_queue.tally(work.session, work.now, DROPPED, number)
    return {"mails": number}


def masked(address: str) -> str:
    """``c…@example.org``: enough to see which provider refuses."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _done(work: Work, change: Any, mail: str | None) -> int:
    number = len(work.session.execute(change).all())
    if mail is not None and not number:
        raise NotFound("mail", mail)
    return number


def _view(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "to": masked(row.to),
        "reason": row.parked_for,
        "error": row.error,
        "attempts": row.attempts,
        "created_at": row.created_at,
        "parked_at": row.parked_at,
        "can_retry": bool(row.text),
    }


def _is_whole() -> ColumnElement[bool]:
    return mails.c.text != ""


def _last_failure(session: Session) -> dict[str, Any]:
    query = select(mails.c.error, mails.c.failed_at).where(mails.c.failed_at.is_not(None))
    row = session.execute(query.order_by(mails.c.failed_at.desc(), mails.c.id).limit(1)).first()
    return {"last_error": row.error if row else None, "failed_at": row.failed_at if row else None}


def _tallied(session: Session, now: datetime, outcome: str) -> int:
    query = select(func.sum(mail_tallies.c.number)).where(
        mail_tallies.c.outcome == outcome, mail_tallies.c.day > (now - LATELY).date()
    )
    return int(session.scalar(query) or 0)
