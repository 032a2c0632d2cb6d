"""People: somebody is one address (RULES R6), known to everybody else by a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis.database import insert
from services.chassis.errors import Invalid, Refusal
from services.chassis.people import address
from services.chassis.work import Work
from services.registration.tables import Person

Named = Mapping[str, str]


def lock(work: Work, key: str) -> None:
    """Serialises on a person until the transaction's end.

    Taken **before** a marathon's lock, everywhere: so an erasure sees all that the person is
    in, and nobody waits for each other.
    """
    work.lock(f"person:{key}")


def acting(work: Work, named: Named | None, marathon: str | None) -> Person:
    """The person a request is for, now locked: the asker, or whom an organiser names.

    Raises ``Forbidden`` when somebody else names them, ``Invalid("person_missing")`` when a
    machine names nobody.
    """
    if named is None:
        return asker(work)
    if work.person_key(named["email"]) != work.actor.key:
        work.actor.must("organiser", marathon)
    return ensure(work, named["email"], named["name"])


def asker(work: Work) -> Person:
    """The person who asks, now locked."""
    if work.actor.key is None:
        raise Invalid(
            "person_missing",
            "Cette demande ne dit pas pour qui elle est faite.",
            "Indiquez le nom et l’adresse de la personne.",
        )
    lock(work, work.actor.key)
    person = work.session.get(Person, work.actor.key, populate_existing=True)
    if person is None or person.erased_at is not None:
        # Erased within the minute for which the gateway remembers who asks.
        raise Refusal(
            "session_unknown", "Cette session n’est plus valable.", "Reconnectez-vous.", 401
        )
    return person


def ensure(work: Work, email: str, name: str = "") -> Person:
    """The person who has this address, known or new, now locked.

    A name fills an empty one and never replaces another; who comes back after an erasure
    starts anew. Raises ``Invalid("email_invalid")``.
    """
    key = work.person_key(email)
    lock(work, key)
    row = insert(work.session, Person.__table__)  # type: ignore[arg-type]  # it is a Table
    work.session.execute(
        row.values(
            key=key, email=address(email), name=clean(name), created_at=work.now
        ).on_conflict_do_nothing()
    )
    person = work.session.get_one(Person, key, populate_existing=True)
    if person.erased_at is not None:
        person.email, person.erased_at = address(email), None
    person.name = person.name or clean(name)
    work.session.flush()
    return person


def set_language(work: Work, language: str) -> dict[str, Any]:
    """Keeps the language in which the asker wants their letters."""
    person = asker(work)
    person.language = language
    return {"language": language}


def names_of(work: Work, keys: list[str]) -> dict[str, str]:
    """The names of people, by key; an erased one's is empty."""
    found = (work.session.get(Person, key) for key in keys)
    return {person.key: person.name for person in found if person is not None}


def view_of(work: Work, key: str) -> dict[str, Any]:
    """Somebody by key and name."""
    return {"key": key, "name": names_of(work, [key]).get(key, "")}


def clean(name: str) -> str:
    """A name on one line, without control characters: it ends up in mails and lists."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())
