"""One-time proofs that somebody reads an address: a link's token and a six-digit code (RULES S1).

Only hashes are stored. A proof works once, by token or by code; opening a link never uses it
up: the page behind the link has a button, and that calls :func:`redeem_token`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Row, delete, select, update
from sqlalchemy.orm import Session

from services.chassis.errors import Refusal
from services.chassis.people import canonical_email, keyed_hash
from services.chassis.people_tables import proofs

if TYPE_CHECKING:
    from services.chassis.work import Work

TOKEN_BYTES = 24
MOST_TRIES = 5
KEPT_AFTER = timedelta(days=1)
"""How long a used or expired proof can still be told from an invalid one."""


@dataclass(frozen=True)
class Proof:
    """What is mailed to the address, and shown nowhere else."""

    token: str = field(repr=False)
    code: str = field(repr=False)
    expires_at: datetime


class Waiting(NamedTuple):
    """A proof that is still good: its address, and when it was asked for."""

    id: str
    email: str
    issued_at: datetime


def issue(
    work: Work, purpose: str, email: str, payload: Mapping[str, Any], minutes: int = 30
) -> Proof:
    """A new proof for an address; earlier ones stay good until they expire.

    ``payload`` is JSON-able and comes back on redeeming. Raises ``Invalid("email_invalid")``.
    """
    proof = Proof(
        work.secret_token(TOKEN_BYTES),
        f"{work.random.randrange(10**6):06d}",
        work.now + timedelta(minutes=minutes),
    )
    email_key = _email_key(work, purpose, email)
    work.session.execute(
        proofs.insert().values(
            id=_hashed(proof.token),
            purpose=purpose,
            email_key=email_key,
            email=email.strip(),
            payload=dict(payload),
            code=_code_key(work, email_key, proof.code),
            tries=0,
            issued_at=work.now,
            expires_at=proof.expires_at,
        )
    )
    return proof


def redeem_token(work: Work, purpose: str, token: str) -> dict[str, Any]:
    """Uses a proof up by its token; answers its payload and ``email``.

    Raises ``Refusal`` "proof_invalid", "proof_used" or "proof_expired".
    """
    row = work.session.execute(
        select(proofs)
        .where(proofs.c.id == _hashed(token), proofs.c.purpose == purpose)
        # Two buttons pressed at once: the second waits for the first, then finds it used.
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise _refusal("proof_invalid")
    return _use(work, row)


def look_at(work: Work, purpose: str, token: str) -> dict[str, Any]:
    """What a token would prove, without using it up. Raises as :func:`redeem_token`."""
    query = select(proofs).where(proofs.c.id == _hashed(token), proofs.c.purpose == purpose)
    row = work.session.execute(query).one_or_none()
    if row is None:
        raise _refusal("proof_invalid")
    _must_be_good(work, row)
    return dict(row.payload)


def redeem_code(work: Work, purpose: str, email: str, code: str) -> dict[str, Any]:
    """Uses a proof up by the address and the code; answers its payload and ``email``.

    Raises as :func:`redeem_token`, and "too_many_tries" after five wrong codes: then only the
    mailed link still works. Call it before anything is changed: a wrong code **commits** the
    transaction, because the count of tries must outlive the refusal.
    """
    email_key = _email_key(work, purpose, email)
    rows = work.session.execute(
        select(proofs)
        .where(proofs.c.purpose == purpose, proofs.c.email_key == email_key)
        .order_by(proofs.c.issued_at.desc(), proofs.c.id)
        .with_for_update()
    ).all()
    open_rows = [row for row in rows if row.used_at is None and row.expires_at > work.now]
    if open_rows and all(row.tries >= MOST_TRIES for row in open_rows):
        raise _refusal("too_many_tries")
    wanted = _code_key(work, email_key, code)
    for row in rows:
        if row.tries < MOST_TRIES and hmac.compare_digest(row.code, wanted):
            return _use(work, row)
    _count_try(work, [row.id for row in open_rows])
    raise _refusal("proof_invalid")


def withdraw(
    work: Work,
    purpose: str,
    email: str | None = None,
    payload_match: Mapping[str, str] | None = None,
) -> None:
    """Takes proofs back: all of a purpose, or those of an address or with this in the payload."""
    matching = _matching(work, purpose, email, payload_match)
    work.session.execute(delete(proofs).where(*matching))


def pending(
    work: Work,
    purpose: str,
    email: str | None = None,
    payload_match: Mapping[str, str] | None = None,
) -> list[dict[str, datetime]]:
    """When the proofs that :func:`withdraw` would take back, and that are still good, were
    issued and expire; oldest first."""
    query = select(proofs.c.issued_at, proofs.c.expires_at).where(
        *_matching(work, purpose, email, payload_match), *_still_good(work)
    )
    rows = work.session.execute(query.order_by(proofs.c.issued_at, proofs.c.id)).all()
    return [{"issued_at": row.issued_at, "expires_at": row.expires_at} for row in rows]


def waiting(work: Work, purpose: str) -> list[Waiting]:
    """The proofs of a purpose that are still good, by id."""
    query = select(proofs.c.id, proofs.c.email, proofs.c.issued_at).where(
        proofs.c.purpose == purpose, *_still_good(work), proofs.c.email.is_not(None)
    )
    return [Waiting(*row) for row in work.session.execute(query.order_by(proofs.c.id))]


def take_back(work: Work, ids: Collection[str]) -> int:
    """Takes back those of these proofs that nobody has used; answers how many were still good."""
    unused = (proofs.c.id.in_(ids), proofs.c.used_at.is_(None))
    # Locked first: who is confirming one right now comes before, and it is not taken back.
    rows = work.session.execute(
        select(proofs.c.id, proofs.c.expires_at).where(*unused).with_for_update()
    ).all()
    found = [row.id for row in rows]
    work.session.execute(delete(proofs).where(proofs.c.id.in_(found)))
    return sum(1 for row in rows if row.expires_at > work.now)


def was_used(work: Work, ids: Collection[str]) -> bool:
    """Whether one of these proofs has been used."""
    used = select(proofs.c.id).where(proofs.c.id.in_(ids), proofs.c.used_at.is_not(None))
    return work.session.scalar(used.limit(1)) is not None


def purge(session: Session, now: datetime) -> int:
    """Drops proofs that are long of no use; answers how many.

    Addresses of unused ones go at once when they expire (RULES D1).
    """
    expired = (proofs.c.expires_at <= now) & proofs.c.email.is_not(None)
    session.execute(update(proofs).where(expired).values(email=None, payload=None))
    old = delete(proofs).where(proofs.c.expires_at <= now - KEPT_AFTER)
    return len(session.execute(old.returning(proofs.c.id)).all())


def _still_good(work: Work) -> tuple[ColumnElement[bool], ...]:
    return proofs.c.used_at.is_(None), proofs.c.expires_at > work.now


def _matching(
    work: Work, purpose: str, email: str | None, payload_match: Mapping[str, str] | None
) -> list[ColumnElement[bool]]:
    wanted = [proofs.c.purpose == purpose]
    if email is not None:
        wanted.append(proofs.c.email_key == _email_key(work, purpose, email))
    for name, value in (payload_match or {}).items():
        wanted.append(proofs.c.payload[name].as_string() == value)
    return wanted


def _must_be_good(work: Work, row: Row[Any]) -> None:
    if row.used_at is not None:
        raise _refusal("proof_used")
    if row.expires_at <= work.now:
        raise _refusal("proof_expired")


def _use(work: Work, row: Row[Any]) -> dict[str, Any]:
    _must_be_good(work, row)
    work.session.execute(
        update(proofs)
        .where(proofs.c.id == row.id)
        .values(used_at=work.now, email=None, payload=None)
    )
    return {**row.payload, "email": row.email}


def _count_try(work: Work, ids: list[str]) -> None:
    if not ids:
        return
    work.session.execute(
        update(proofs).where(proofs.c.id.in_(ids)).values(tries=proofs.c.tries + 1)
    )
    work.session.commit()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _email_key(work: Work, purpose: str, email: str) -> str:
    return keyed_hash(work.settings.secret, f"proof:{purpose}", canonical_email(email))


def _code_key(work: Work, email_key: str, code: str) -> str:
    return keyed_hash(work.settings.secret, f"code:{email_key}", code)


def _refusal(code: str) -> Refusal:
    message, hint = _SENTENCES[code]
    return Refusal(code, message, hint, 422)


AGAIN = "Demandez un nouveau message."
_SENTENCES: Mapping[str, tuple[str, str]] = {
    "proof_invalid": (
        "Ce lien ou ce code n’est pas valable.",
        "Vérifiez le code reçu, ou demandez un nouveau message.",
    ),
    "proof_used": ("Ce lien ou ce code a déjà servi.", AGAIN),
    "proof_expired": ("Ce lien ou ce code a expiré.", AGAIN),
    "too_many_tries": (
        "Trop de codes erronés ont été saisis pour cette adresse.",
        "Ouvrez le lien du message, ou demandez un nouveau message.",
    ),
}
