"""The call for premises of a marathon: open from its mobilisation to its start."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.chassis.errors import NotFound, Refusal
from services.chassis.work import Work
from services.venues.tables import Call

BEFORE = frozenset({"draft", "announced"})
UNTIL_START = "mobilised"
OVER = frozenset({"closed", "cancelled"})
PLACING = frozenset({"mobilised", "running"})

Marathon = dict[str, Any]


def locked(work: Work, marathon: str) -> Marathon:
    """The newest heard state of a marathon, now locked. Raises ``NotFound("marathon")``."""
    work.lock(f"marathon:{marathon}")
    return found(work, marathon)


def found(work: Work, marathon: str) -> Marathon:
    """The newest heard state of a marathon. Raises ``NotFound("marathon")``."""
    state = work.copy("marathon", marathon)
    if state is None:
        raise NotFound("marathon", marathon)
    return state


def interval(marathon: Marathon) -> tuple[datetime, datetime]:
    """From the start to the end of a marathon. Raises ``Refusal("dates_missing")``."""
    if marathon["starts_at"] is None or marathon["ends_at"] is None:
        raise Refusal(
            "dates_missing",
            "Ce marathon n’a pas encore de dates.",
            "Fixez d’abord le début et la fin du marathon.",
        )
    return marathon["starts_at"], marathon["ends_at"]


def must_be_open(work: Work, marathon: Marathon) -> None:
    """Raises ``Refusal`` "call_not_open" or "marathon_over".

    An organiser may still add premises after the start, when others dropped out. Before the
    mobilisation nobody may: an address would give the secret host town away (RULES C4).
    """
    if marathon["state"] in OVER:
        raise Refusal("marathon_over", "Ce marathon est terminé.")
    call = work.session.get(Call, marathon["id"])
    is_open = call is not None and call.closed_at is None
    late = call is not None and work.actor.has("organiser", marathon["id"])
    if not is_open and not late:
        raise Refusal(
            "call_not_open",
            "L’appel à locaux de ce marathon n’est pas ouvert.",
            "Il l’est de la mobilisation au début du marathon.",
        )


def must_be_placing(marathon: Marathon) -> None:
    """Raises ``Refusal("placing_closed")`` when teams get no places (any more)."""
    if marathon["state"] not in PLACING:
        raise Refusal(
            "placing_closed",
            "Les équipes reçoivent leur local de la mobilisation à la fin du marathon.",
        )


def follow(work: Work, marathon: Marathon) -> None:
    """Opens and closes the call as the marathon's state has it."""
    if marathon["state"] in BEFORE:
        return
    call = work.session.get(Call, marathon["id"])
    if call is None:
        call = Call(marathon=marathon["id"], opened_at=work.now, closed_at=None)
        work.session.add(call)
    if marathon["state"] != UNTIL_START and call.closed_at is None:
        call.closed_at = work.now
    work.session.flush()
