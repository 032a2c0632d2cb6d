"""Mailed proofs of an address, for one poll; until confirmed they are worth nothing (RULES V3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.chassis import proofs
from services.chassis.people import canonical_email
from services.chassis.work import Work
from services.voting.rules import RULES
from services.voting.tables import Poll

PURPOSE = "ballot"


def ask(work: Work, poll: Poll, email: str, project: str) -> proofs.Proof:
    """A link and a code that will prove ``email``, and what was chosen when asking."""
    payload = {"poll": poll.id, "person": work.person_key(email), "project": project}
    return proofs.issue(
        work, _purpose(poll), canonical_email(email), payload, minutes=RULES.link_minutes
    )


def look_at(work: Work, poll: Poll, token: str) -> dict[str, Any]:
    """What a mailed link would confirm; the link stays good. Raises what ``proofs`` raises."""
    return proofs.look_at(work, _purpose(poll), token)


def confirm(
    work: Work, poll: Poll, token: str | None, email: str | None, code: str | None
) -> dict[str, Any]:
    """Uses a proof up; answers ``{person, project, ...}``. Raises what ``proofs`` raises."""
    if token is not None:
        return proofs.redeem_token(work, _purpose(poll), token)
    return proofs.redeem_code(work, _purpose(poll), canonical_email(email or ""), code or "")


def end_all(work: Work, poll: Poll) -> None:
    """Ends what was asked for and not confirmed."""
    proofs.withdraw(work, _purpose(poll))


def end_of(work: Work, polls: list[Poll], person_key: str) -> None:
    """Ends what an erased person asked for.

    Their entry in the register stays: it is a keyed hash, and the tombstone that keeps them
    from counting twice should they come back (RULES V12).
    """
    for poll in polls:
        proofs.withdraw(work, _purpose(poll), payload_match={"person": person_key})


def waiting(work: Work, poll: Poll) -> list[proofs.Waiting]:
    """All that was asked for and can still be confirmed."""
    return proofs.waiting(work, _purpose(poll))


def pending(work: Work, poll: Poll, person_key: str) -> list[dict[str, datetime]]:
    """When a person asked for what is not confirmed yet, and until when it is good."""
    return proofs.pending(work, _purpose(poll), payload_match={"person": person_key})


def _purpose(poll: Poll) -> str:
    return f"{PURPOSE}:{poll.id}"
