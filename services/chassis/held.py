"""What the tables that all services share hold on a person (RULES D2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from services.chassis.errors import Invalid
from services.chassis.people_tables import mails
from services.chassis.tables import copies, idempotency
from services.chassis.work import Work


def asker(work: Work) -> str:
    """The key of the person who asks. Raises ``Invalid("person_missing")`` for a machine."""
    if work.actor.key is None:
        raise Invalid(
            "person_missing",
            "Cette demande ne dit pas pour qui elle est faite.",
            "Connectez-vous en votre nom.",
        )
    return work.actor.key


def on(work: Work, key: str) -> dict[str, Any]:
    """Mails that wait to be sent, answers kept under idempotency keys, names heard with roles.

    Not the mails' text, nor the answers: the first may hold a link that signs in, and both
    are gone in no time.
    """
    return {
        "mails": _rows(work, _MAILS.where(mails.c.person_key == key)),
        "answers": _rows(work, _ANSWERS.where(idempotency.c.caller == key)),
        "role_copies": _roles(work, key),
    }


_MAILS = select(mails.c.to, mails.c.subject, mails.c.created_at).order_by(
    mails.c.created_at, mails.c.id
)
_ANSWERS = select(idempotency.c.door, idempotency.c.created_at).order_by(
    idempotency.c.created_at, idempotency.c.door, idempotency.c.key
)
HEARD = ("role", "marathon", "status", "display_name", "organisation")


def _rows(work: Work, query: Select[Any]) -> list[dict[str, Any]]:
    return [as_json(dict(row)) for row in work.session.execute(query).mappings()]


def _roles(work: Work, key: str) -> list[dict[str, Any]]:
    query = select(copies.c.state).where(
        copies.c.kind == "role", copies.c.state["person_key"].as_string() == key
    )
    found = work.session.scalars(query.order_by(copies.c.subject))
    return [{name: state.get(name) for name in HEARD} for state in found]


def as_json(values: dict[str, Any]) -> dict[str, Any]:
    """The same with instants as text."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in values.items()
    }


def columns(row: Any, *names: str) -> dict[str, Any]:
    """Some of a row's values, as JSON has them."""
    return as_json({name: getattr(row, name) for name in names})
