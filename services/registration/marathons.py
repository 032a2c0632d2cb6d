"""Marathons: their one state machine, and what everybody may know of them (RULES C1, C4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from services.chassis.errors import NotFound, Refusal
from services.chassis.work import Work
from services.registration.messages_cycle import Settings
from services.registration.partners import sharing
from services.registration.tables import Hold, Host, Marathon, Move

MOVES: Mapping[str, tuple[str, ...]] = {
    "draft": ("announced", "cancelled"),
    "announced": ("mobilised", "cancelled"),
    "mobilised": ("running", "cancelled"),
    "running": ("ended", "cancelled"),
    "ended": ("deliberated", "cancelled"),
    "deliberated": ("closed", "cancelled"),
    "closed": (),
    "cancelled": (),
}
"""All moves there are (RULES C1)."""

EVENTS: Mapping[str, str] = {
    "announced": "marathon_announced",
    "mobilised": "marathon_mobilised",
    "running": "marathon_started",
    "ended": "marathon_ended",
    "deliberated": "marathon_changed",
    "closed": "marathon_closed",
    "cancelled": "marathon_cancelled",
}
"""What is said when a state is entered."""

OVER = frozenset({"closed", "cancelled"})
TO_COME = ("draft", "announced")
LENGTH = timedelta(hours=36)
"""How long a marathon lasts unless its dates say otherwise (RULES C3)."""


def found(work: Work, marathon: str) -> Marathon:
    """The marathon of this id. Raises ``NotFound("marathon")``."""
    row = work.session.get(Marathon, marathon)
    if row is None:
        raise NotFound("marathon", marathon)
    return row


def locked(work: Work, marathon: str) -> Marathon:
    """The marathon as it is now, which nobody else changes until the transaction's end.

    Raises ``Refusal("operated_elsewhere")`` for a leg that another instance operates: what is
    here only mirrors it.
    """
    row = locked_anywhere(work, marathon)
    if sharing.is_elsewhere(work, row):
        raise Refusal(
            "operated_elsewhere",
            f"Le marathon « {row.title} » est mené sur l’instance de son organisateur.",
            "Adressez-vous à lui : ce qui se voit ici suit ce qu’il publie.",
            marathon=marathon,
            operated_by=row.operated_by,
        )
    return row


def locked_anywhere(work: Work, marathon: str) -> Marathon:
    """The same for what the relay does: also of a leg that another instance operates."""
    work.lock(f"marathon:{marathon}")
    # Read (again) after the lock: what was read before it may be somebody's past.
    work.session.flush()
    row = work.session.get(Marathon, marathon, populate_existing=True)
    if row is None:
        raise NotFound("marathon", marathon)
    return row


def of_cycle(work: Work, cycle: str) -> list[Marathon]:
    """The marathons of a cycle, in their order, as they are now."""
    work.session.flush()
    query = select(Marathon).where(Marathon.cycle == cycle).order_by(Marathon.leg)
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def settings_of(marathon: Marathon) -> dict[str, Any]:
    """All settings of a marathon, with instants as instants."""
    loaded: dict[str, Any] = Settings().load(marathon.settings)
    return loaded


def host_of(work: Work, marathon: str) -> Host | None:
    """The host town, revealed or not: for the rules and the organisers' desk only."""
    return work.session.get(Host, marathon)


def revealed_host(work: Work, marathon: str) -> Host | None:
    """The host town if everybody may know it (RULES C4)."""
    host = host_of(work, marathon)
    return host if host is not None and host.revealed_at is not None else None


COLUMNS = (
    *("id", "cycle", "leg", "title", "finale", "epci_siren", "epci_name", "theme", "question"),
    *("state", "mobilises_at", "starts_at", "ends_at", "ended_at", "closed_at"),
    *("least_teams", "most_teams", "projects", "palmares", "baton", "reason", "operated_by"),
)


def state_of(work: Work, marathon: Marathon) -> dict[str, Any]:
    """The whole public state: the one place that decides whether a host is shown."""
    host = revealed_host(work, marathon.id)
    state = {name: getattr(marathon, name) for name in COLUMNS}
    state["settings"] = settings_of(marathon)
    state["host_insee"] = host.insee if host else None
    state["host_name"] = host.name if host else None
    state["revealed"] = host is not None
    state["purge_held"] = is_held(work, marathon.id)
    return state


def is_held(work: Work, marathon: str) -> bool:
    """Whether a dispute keeps what is held of a marathon from being purged (RULES D2)."""
    query = select(Hold.id).where(Hold.marathon == marathon, Hold.lifted_at.is_(None))
    return work.session.scalar(query) is not None


def view_of(work: Work, marathon: Marathon) -> dict[str, Any]:
    """The public state with what only its page shows."""
    more = {name: getattr(marathon, name) for name in ("notes", "first_day", "last_day")}
    operator = sharing.operator_of(work, marathon)
    shown = sharing.palmares_shown(work, marathon.id) if operator["elsewhere"] else None
    return {**state_of(work, marathon), **more, "operator": operator, "palmares_shown": shown}


def public_view(work: Work, marathon: str) -> dict[str, Any]:
    """A marathon's public page. Raises ``NotFound`` for a draft, but to its organisers."""
    row = found(work, marathon)
    if not is_shown(work, row):
        raise NotFound("marathon", marathon)
    return view_of(work, row)


def is_shown(work: Work, marathon: Marathon) -> bool:
    """Whether the asker may know that the marathon exists."""
    return marathon.state != "draft" or work.actor.has("organiser", marathon.id)


def say(work: Work, marathon: Marathon, event_type: str = "marathon_changed") -> None:
    """Says a marathon's whole public state; nothing of a draft, which is nobody's business.

    Nothing either of a leg that another instance operates: it has no services here.
    """
    if marathon.state != "draft" and not sharing.is_elsewhere(work, marathon):
        sharing.touch(work, marathon.cycle)
        work.say(event_type, marathon.id, state_of(work, marathon))


def must_lead_to(marathon: Marathon, to: str) -> None:
    """Raises ``Refusal("move_impossible")`` unless the present state allows the move."""
    allowed = MOVES[marathon.state]
    if to not in allowed:
        raise Refusal(
            "move_impossible",
            f"Le marathon est « {FRENCH[marathon.state]} » : "
            f"il ne peut pas passer à « {FRENCH[to]} ».",
            _allowed_hint(allowed),
            state=marathon.state,
            to=to,
            allowed=list(allowed),
        )


FRENCH: Mapping[str, str] = {
    "draft": "en préparation",
    "announced": "annoncé",
    "mobilised": "en mobilisation",
    "running": "en cours",
    "ended": "terminé",
    "deliberated": "délibéré",
    "closed": "clos",
    "cancelled": "annulé",
}


def _allowed_hint(allowed: Sequence[str]) -> str:
    if not allowed:
        return "Il ne change plus d’état."
    return "Il peut passer à : " + ", ".join(FRENCH[state] for state in allowed) + "."


def enter(
    work: Work,
    marathon: Marathon,
    to: str,
    reason: str | None = None,
    overridden: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Moves a locked marathon to a state, logs it and says it (RULES C1).

    What is missing was asked before (RULES C2). Raises ``Refusal("move_impossible")``.
    """
    must_lead_to(marathon, to)
    _log(work, marathon, to, reason, overridden)
    if to == "cancelled":
        marathon.reason = reason
    _stamp(marathon, to, work.now)
    marathon.state = to
    work.session.flush()
    say(work, marathon, EVENTS[to])


def _stamp(marathon: Marathon, to: str, now: datetime) -> None:
    """Sets the instants that entering a state makes true."""
    if to == "running":
        # Started early, late or without dates: the poll's window hangs on these two.
        marathon.starts_at = min(marathon.starts_at or now, now)
        if marathon.ends_at is None or marathon.ends_at <= now:
            marathon.ends_at = now + LENGTH
    elif to == "ended":
        marathon.ended_at = now
    elif to in OVER:
        marathon.closed_at = now


def _log(
    work: Work,
    marathon: Marathon,
    to: str,
    reason: str | None,
    overridden: Sequence[Mapping[str, Any]],
) -> None:
    query = select(func.count()).select_from(Move).where(Move.marathon == marathon.id)
    number = (work.session.scalar(query) or 0) + 1
    move = Move(
        id=work.new_id(),
        marathon=marathon.id,
        number=number,
        from_state=marathon.state,
        to_state=to,
        at=work.now,
        actor_key=work.actor.key,
        actor_name=work.actor.name,
        reason=reason,
        overridden=[{key: item[key] for key in ("code", "message")} for item in overridden],
    )
    work.session.add(move)


def log_of(work: Work, marathon: str) -> list[Move]:
    """All moves of a marathon, oldest first."""
    query = select(Move).where(Move.marathon == marathon).order_by(Move.number)
    return list(work.session.scalars(query))


def forget_actor(work: Work, key: str) -> None:
    """Takes an erased person's name out of the move log; the key stays (RULES D2)."""
    work.session.execute(update(Move).where(Move.actor_key == key).values(actor_name=""))
