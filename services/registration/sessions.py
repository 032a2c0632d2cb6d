"""Sessions: opaque secrets, stored hashed; they end by time, sign-out, lost role or erasure."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import delete, select

from services.chassis.work import Work
from services.registration.periods import SESSIONS
from services.registration.tables import Person, Session

SECRET_BYTES = 32


def hashed(secret: str) -> str:
    """How a secret of at least 128 random bits is stored: it can't be guessed from this."""
    return hashlib.sha256(secret.encode()).hexdigest()


def begin(work: Work, key: str) -> tuple[str, datetime]:
    """A new session of a person: its secret, shown once, and when it ends."""
    purge(work)
    secret, expires_at = work.secret_token(SECRET_BYTES), work.now + SESSIONS
    session = Session(id=hashed(secret), person_key=key, created_at=work.now, expires_at=expires_at)
    work.session.add(session)
    work.session.get_one(Person, key).seen_at = work.now
    work.session.flush()
    return secret, expires_at


def purge(work: Work) -> None:
    """Takes away the sessions that have ended by their time."""
    work.session.execute(delete(Session).where(Session.expires_at <= work.now))


def holder_of(work: Work, secret: str) -> Person | None:
    """The person whose session this is, while it lasts."""
    session = work.session.get(Session, hashed(secret))
    if session is None or session.expires_at <= work.now:
        return None
    person = work.session.get(Person, session.person_key)
    return person if person is not None and person.erased_at is None else None


def end(work: Work, secret: str) -> int:
    """Ends one session; answers how many that were."""
    return _end(work, Session.id == hashed(secret))


def end_all(work: Work, key: str) -> int:
    """Ends all sessions of a person; answers how many that were."""
    return _end(work, Session.person_key == key)


def of_person(work: Work, key: str) -> list[Session]:
    """The sessions of a person that last."""
    query = select(Session).where(Session.person_key == key, Session.expires_at > work.now)
    return list(work.session.scalars(query.order_by(Session.created_at, Session.id)))


def _end(work: Work, which: object) -> int:
    ended = delete(Session).where(which).returning(Session.id)  # type: ignore[arg-type]
    return len(work.session.execute(ended).all())
