"""Events whose handling failed: the retry queue and the parking place, one table.

nameko would acknowledge such an event (and lose it) or requeue it (and spin for ever).
"""

from __future__ import annotations

import hashlib
import json
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.chassis.config import Settings
from services.chassis.database import insert
from services.chassis.tables import failed_events

RETRYING = "retrying"
PARKED = "parked"
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


def due(session: Session, limit: int = 20) -> list[Any]:
    """The raw envelopes that are to be tried again now, oldest first, claimed for whoever asks.

    No other replica finds them due for :data:`LEASE`: of several that look at once, one tries.
    """
    now = datetime.now(UTC)
    query = (
        select(failed_events.c.event_id, failed_events.c.envelope)
        .where(failed_events.c.status == RETRYING, failed_events.c.due_at <= now)
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


def _values(raw: Any, error: BaseException) -> dict[str, Any]:
    parts = raw if isinstance(raw, dict) else {}
    return {
        "event_id": identity_of(raw),
        "type": str(parts.get("type", "?"))[:64],
        "subject": str(parts.get("subject", "?"))[:128],
        "envelope": raw,
        "error": f"{type(error).__name__}: {error}"[:2000],
        "traceback": "".join(traceback.format_exception(error))[-8000:],
    }


def identity_of(raw: Any) -> str:
    """The id of an envelope, or a digest of it where it has none that can be one."""
    given = raw.get("id") if isinstance(raw, dict) else None
    if isinstance(given, str) and 0 < len(given) <= 64:
        return given
    canonical = json.dumps(raw, sort_keys=True, default=repr).encode()
    return hashlib.sha256(canonical).hexdigest()
