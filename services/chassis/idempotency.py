"""Idempotency keys: the same key and request get the same answer, carried out once."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast, delete, or_, select

from services.chassis.database import Database
from services.chassis.errors import Refusal
from services.chassis.tables import idempotency
from services.chassis.work import Work

KEPT = timedelta(days=7)
HOW_IT_CAME = frozenset({"ip", "visitor"})
"""Fields of a request that say how it came, not what is asked: it may be repeated from another
address, and no trace of an address may stay (RULES S2)."""


@dataclass(frozen=True)
class Kept:
    """An answer as it was given, with the tag of what was edited, if anything was."""

    answer: Any
    etag: str | None = None


def find(work: Work, door: str, key: str | None, request: Any) -> Kept | None:
    """What was answered before under this key, if anything.

    Raises ``Refusal("idempotency_mismatch")`` for another request under the same key.
    """
    if key is None or _memory(work, door) == "none":
        return None
    # Two with one key at once: the second waits here and then finds the first's answer.
    work.lock(f"idempotency:{_caller(work)}:{door}:{key}")
    table = idempotency.c
    row = work.session.execute(
        select(table.digest, table.answer).where(
            table.caller == _caller(work), table.door == door, table.key == key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.digest != _digest(work, request):
        raise mismatch()
    if _memory(work, door) == "once":
        raise Refusal(
            "answer_shown_once",
            "Cette demande a déjà été exécutée ; sa réponse ne se montre qu’une fois.",
            "Utilisez une clé nouvelle pour en obtenir une autre.",
        )
    return Kept(**row.answer)


def mismatch() -> Refusal:
    """What they are told who send another request under a key that was used."""
    return Refusal(
        "idempotency_mismatch",
        "Cette clé d’idempotence a déjà servi pour une autre demande.",
        "Utilisez une clé nouvelle pour chaque demande.",
    )


def keep(work: Work, door: str, key: str | None, request: Any, given: Kept) -> None:
    """Keeps what is answered, in the transaction of the command itself."""
    memory = _memory(work, door)
    if key is None or memory == "none":
        return
    work.session.execute(
        idempotency.insert().values(
            caller=_caller(work),
            door=door,
            key=key,
            digest=_digest(work, request),
            answer=asdict(given) if memory == "answer" else None,
            created_at=work.now,
        )
    )


def forget(work: Work, person: str) -> None:
    """Takes away the answers that were given to a person, or that name them (RULES D2)."""
    named = cast(idempotency.c.answer, Text).contains(person)
    work.session.execute(delete(idempotency).where(or_(idempotency.c.caller == person, named)))


def purge(database: Database, now: datetime) -> None:
    """Takes away what nobody will ask for again: a key is of use for :data:`KEPT`."""
    with database.transaction() as session:
        session.execute(delete(idempotency).where(idempotency.c.created_at <= now - KEPT))


def _memory(work: Work, door: str) -> str:
    return work.messages.DOORS[door].memory


def _caller(work: Work) -> str:
    """Whose keys they are: a person's, or a token's by all that is known of it."""
    if work.actor.key is not None or not work.actor.name:
        return work.actor.key or "anonymous"
    known = json.dumps([work.actor.name, sorted(map(str, work.actor.roles))])
    return hashlib.sha256(known.encode()).hexdigest()


def _digest(work: Work, request: dict[str, Any]) -> str:
    """By which a request is known again; keyed, so that nobody can guess it from the table."""
    asked = {name: value for name, value in request.items() if name not in HOW_IT_CAME}
    canonical = json.dumps(asked, sort_keys=True).encode()
    return hmac.new(work.settings.secret, canonical, hashlib.sha256).hexdigest()
