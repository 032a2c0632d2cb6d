"""Events and bulk messages whose handling failed: retry queue and parking place, one table.

nameko would acknowledge such an event (and lose it) or requeue it (and spin for ever).
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from services.chassis.config import Settings
from services.chassis.database import insert
from services.chassis.tables import failed_events

RETRYING = "retrying"
PARKED = "parked"
UNKNOWN = "?"
LEASE = timedelta(minutes=1)
"""Far longer than trying some events takes; who dies meanwhile leaves them to the others."""


def record(session: Session, settings: Settings, raw: Any, error: BaseException) -> str:
    """Stores a failed attempt at ``raw``; answers what becomes of it, retrying or parked.

    Delays run on the machine's clock: a demo clock that is moved must not park events.
    """
    now = datetime.now(UTC)
    values = _values(raw, error)
    found = session.execute(
        select(failed_events).where(failed_events.c.event_id == values["event_id"])
    ).one_or_none()
    attempts = 1 if found is None else found.attempts + 1
    parked = attempts > len(settings.retry_delays_s)
    delay = 0.0 if parked else settings.retry_delays_s[attempts - 1]
    status = PARKED if parked else RETRYING
    values |= {"attempts": attempts, "status": status, "due_at": now + timedelta(seconds=delay)}
    row = insert(session, failed_events).values(first_failed_at=now, **values)
    session.execute(
        row.on_conflict_do_update(index_elements=[failed_events.c.event_id], set_=values)
    )
    return status


def due(
    session: Session, limit: int = 20, only: str | None = None, but: Sequence[str] = ()
) -> list[Any]:
    """The raw envelopes that are to be tried again now, oldest first, claimed for whoever asks:
    of the type ``only``, or of all ``but`` some.

    No other replica finds them due for :data:`LEASE`: of several that look at once, one tries.
    """
    wanted = failed_events.c.type.not_in(but) if only is None else failed_events.c.type == only
    now = datetime.now(UTC)
    query = (
        select(failed_events.c.event_id, failed_events.c.envelope)
        .where(failed_events.c.status == RETRYING, failed_events.c.due_at <= now, wanted)
        .order_by(failed_events.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.execute(query).all()
    claimed = failed_events.c.event_id.in_([row.event_id for row in rows])
    session.execute(update(failed_events).where(claimed).values(due_at=now + LEASE))
    return [row.envelope for row in rows]


def set_again(session: Session, event_id: str | None = None) -> int:
    """Makes one parked event, or all, due at once with its retries ahead; answers how many."""
    change = (
        update(failed_events)
        .where(failed_events.c.status == PARKED)
        .values(status=RETRYING, attempts=0, due_at=datetime.now(UTC))
    )
    if event_id is not None:
        change = change.where(failed_events.c.event_id == event_id)
    count: int = session.execute(change).rowcount  # type: ignore[attr-defined]
    return count


def forget(session: Session, event_ids: Sequence[str]) -> None:
    """Takes away what goes through now."""
    session.execute(delete(failed_events).where(failed_events.c.event_id.in_(event_ids)))


def _values(raw: Any, error: BaseException) -> dict[str, Any]:
    parts = raw if isinstance(raw, dict) else {}
    return {
        "event_id": identity_of(raw),
        "type": str(parts.get("type", UNKNOWN))[:64],
        "subject": str(parts.get("subject", UNKNOWN))[:128],
        "envelope": raw,
        **_words(error, raw),
    }


def _words(error: BaseException, raw: Any) -> dict[str, str]:
    """What went wrong, and where; of a bulk message not in the error's own words, which may
    repeat what somebody sent."""
    if is_message(raw):
        where = traceback.format_tb(error.__traceback__)
        return {"error": type(error).__name__, "traceback": "".join(where)[-8000:]}
    return {
        "error": f"{type(error).__name__}: {error}"[:2000],
        "traceback": "".join(traceback.format_exception(error))[-8000:],
    }


def as_message(stream: str, subject: str, raw: Any) -> dict[str, Any]:
    """A bulk message as it is kept here, known again by its content."""
    return {"id": identity_of([raw]), "type": stream, "subject": subject, "message": raw}


def is_message(raw: Any) -> bool:
    """Whether what is kept is a bulk message, and no event."""
    return isinstance(raw, dict) and set(raw) == {"id", "type", "subject", "message"}


def identity_of(raw: Any) -> str:
    """The id of an envelope, or a digest of it where it has none that can be one."""
    given = raw.get("id") if isinstance(raw, dict) else None
    if isinstance(given, str) and 0 < len(given) <= 64:
        return given
    canonical = json.dumps(raw, sort_keys=True, default=repr).encode()
    return hashlib.sha256(canonical).hexdigest()
