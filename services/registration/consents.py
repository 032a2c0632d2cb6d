"""Consents: each its own, never ticked beforehand, withdrawn as easily as given (RULES D3)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from services.chassis.work import Work
from services.registration import people
from services.registration.messages_personal_data import CONSENTS
from services.registration.tables import Consent


def get(work: Work) -> list[dict[str, Any]]:
    """All consents there are, as the asker has them now."""
    return of_person(work, people.asker(work).key)


def set_(work: Work, **wanted: bool) -> list[dict[str, Any]]:
    """Gives and withdraws consents of the asker's own; one that is not named stays as it is.

    Nobody gives one for somebody else, an organiser neither. What is so already is not noted
    again: the instant is that of the first time.
    """
    person = people.asker(work)
    for line in of_person(work, person.key):
        if wanted.get(line["kind"], line["given"]) != line["given"]:
            _note(work, person.key, line["kind"], wanted[line["kind"]])
    work.session.flush()
    return of_person(work, person.key)


def of_person(work: Work, key: str) -> list[dict[str, Any]]:
    """A person's consents; ``at`` is null for one that they never gave."""
    newest = {row.kind: row for row in history(work, key)}
    return [_line(kind, newest.get(kind)) for kind in CONSENTS]


def history(work: Work, key: str) -> list[Consent]:
    """Each time that a person gave or withdrew a consent, by kind and in order."""
    query = select(Consent).where(Consent.person_key == key)
    return list(work.session.scalars(query.order_by(Consent.kind, Consent.number)))


def forget(work: Work, key: str) -> None:
    """Takes away an erased person's consents."""
    work.session.execute(delete(Consent).where(Consent.person_key == key))


def _line(kind: str, row: Consent | None) -> dict[str, Any]:
    return {"kind": kind, "given": bool(row and row.given), "at": row.at if row else None}


def _note(work: Work, key: str, kind: str, given: bool) -> None:
    # The person is locked: nobody else is counting.
    number = sum(1 for row in history(work, key) if row.kind == kind) + 1
    work.session.add(Consent(person_key=key, kind=kind, number=number, given=given, at=work.now))
