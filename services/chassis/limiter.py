"""How often somebody did something lately: in the database, so that all replicas count as one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from services.chassis.people import keyed_hash
from services.chassis.people_tables import limits

if TYPE_CHECKING:
    from services.chassis.work import Work


def allow(work: Work, bucket: str, subject: str, limit: int, seconds: int) -> bool:
    """Whether ``subject`` may do this once more: at most ``limit`` times in any ``seconds``.

    What is not allowed is not counted, so who keeps trying is slowed down and never shut out
    (RULES S2). What is allowed counts when the transaction commits: a refused command leaves
    no trace here either. ``subject`` is kept as a keyed hash and only for ``seconds``.
    """
    hashed = keyed_hash(work.settings.secret, f"limit:{bucket}", subject)
    # Two at once at the last place: the second waits here and then sees the first.
    work.lock(f"limit:{bucket}:{hashed}")
    mine = (limits.c.bucket == bucket) & (limits.c.subject == hashed)
    since = work.now - timedelta(seconds=seconds)
    lately = select(func.count()).select_from(limits).where(mine, limits.c.at > since)
    if (work.session.scalar(lately) or 0) >= limit:
        return False
    work.session.execute(
        limits.insert().values(
            bucket=bucket,
            subject=hashed,
            at=work.now,
            gone_at=work.now + timedelta(seconds=seconds),
        )
    )
    return True


def purge(session: Session, now: datetime) -> int:
    """Drops what no window covers any more; answers how many rows that was."""
    dropped = session.execute(
        delete(limits).where(limits.c.gone_at <= now).returning(limits.c.number)
    )
    return len(dropped.all())
