"""Tokens: machines' credentials, stored hashed, revocable, for one role in one marathon or all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select, update

from services.chassis.errors import NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import marathons
from services.registration.sessions import SECRET_BYTES, hashed
from services.registration.tables import Token

PREFIX = "mit_"
"""So that a token that leaked into a file is found by those who look for such."""

USE_NOTED_EVERY = timedelta(minutes=1)


def create(work: Work, label: str, role: str, marathon: str | None = None) -> dict[str, Any]:
    """A new token; its secret is shown this once. Nobody grants more than they have."""
    work.actor.must("organiser", marathon)
    if marathon is not None:
        marathons.found(work, marathon)
    secret = PREFIX + work.secret_token(SECRET_BYTES)
    token = Token(
        id=work.new_id(),
        hash=hashed(secret),
        label=label,
        role=role,
        marathon=marathon,
        created_at=work.now,
        created_by=work.actor.key,
    )
    work.session.add(token)
    work.session.flush()
    return {**vars(token), "token": secret}


def revoke(work: Work, id: str) -> Token:  # noqa: A002 - the door's field
    """Revokes a token for good; again changes nothing."""
    token = work.session.get(Token, id)
    if token is None:
        raise NotFound("token", id)
    work.actor.must("organiser", token.marathon)
    token.revoked_at = token.revoked_at or work.now
    return token


def end_of(work: Work, key: str, marathon: str | None) -> None:
    """Revokes the tokens that somebody made as an organiser and no longer could (RULES S4)."""
    theirs = update(Token).where(Token.created_by == key, Token.revoked_at.is_(None))
    if marathon is not None:
        theirs = theirs.where(Token.marathon == marathon)
    work.session.execute(theirs.values(revoked_at=work.now))


def list_tokens(work: Work, page: Page) -> Answer:
    """All tokens of which the asker is an organiser, newest first."""
    return page.rows(
        work.session,
        select(Token),
        (Token.created_at, Token.id),
        lambda token: token,
        shown=lambda token: work.actor.has("organiser", token.marathon),
        falling=True,
    )


def identify(work: Work, secret: str) -> dict[str, Any]:
    """What a token may do, noting its use. Raises ``Refusal("token_unknown")`` (401).

    It is nobody in particular: it has no key, and its label for a name.
    """
    query = select(Token).where(Token.hash == hashed(secret), Token.revoked_at.is_(None))
    token = work.session.scalar(query)
    if token is None:
        raise Refusal("token_unknown", "Ce jeton n’est pas ou plus valable.", status=401)
    _note_use(work, token)
    roles = [{"role": token.role, "marathon": token.marathon}]
    return {"key": None, "name": token.label, "kind": "token", "roles": roles}


def _note_use(work: Work, token: Token) -> None:
    since = work.now - USE_NOTED_EVERY
    stale = or_(Token.last_used_at.is_(None), Token.last_used_at <= since)
    work.session.execute(
        update(Token).where(Token.id == token.id, stale).values(last_used_at=work.now)
    )
