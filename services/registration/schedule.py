"""What falls due: phases by schedule, and what arrived events allow (RULES C1, C3, C4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select

from services.chassis.work import Work
from services.registration import hosts, marathons, missing, moves, relay
from services.registration.tables import Host, Marathon


def advance(work: Work, marathon: Marathon) -> None:
    """Moves a locked marathon on as far as time and facts allow; again changes nothing.

    Where something is missing it stays, and the desk says what.
    """
    hosts.reveal_if_due(work, marathon, relay.holds(work, marathon))
    _follow_palmares(work, marathon)
    while (to := _due_move(work, marathon)) and not missing.before(work, marathon, to):
        moves.go(work, marathon, to)


def _due_move(work: Work, marathon: Marathon) -> str | None:
    """The move that would fall due now if nothing is missing."""
    now = work.now
    match marathon.state:
        case "announced":
            return "mobilised" if (marathon.mobilises_at or now) <= now else None
        case "mobilised":
            return "running" if _is_its_time(marathon, now) else None
        case "running":
            return "ended" if marathon.ends_at and marathon.ends_at <= now else None
        case "ended":
            return "deliberated"
        case "deliberated":
            return "closed" if marathons.settings_of(marathon)["close_by_itself"] else None
    return None


def _is_its_time(marathon: Marathon, now: datetime) -> bool:
    """Whether a marathon should be running: one whose end has passed is not started any more.

    After a long outage nobody could have voted; its organiser starts it or sets new dates.
    """
    if marathon.starts_at is None or marathon.starts_at > now:
        return False
    return marathon.ends_at is None or marathon.ends_at > now


def _follow_palmares(work: Work, marathon: Marathon) -> None:
    """Takes over a corrected edition of a palmarès that was published before (RULES J7)."""
    if marathon.palmares is None:
        return
    newest = moves.reference(missing.palmares_of(work, marathon.id))
    if newest is not None and newest != marathon.palmares:
        marathon.palmares = newest
        marathons.say(work, marathon)


def candidates(work: Work) -> list[str]:
    """The marathons for which a date may have come."""
    now = work.now
    reveals = select(Host.marathon).where(Host.revealed_at.is_(None), Host.reveal_at <= now)
    due = or_(
        (Marathon.state == "announced") & Marathon.baton.is_not(None),
        (Marathon.state == "announced") & Marathon.id.in_(reveals),
        (Marathon.state == "mobilised") & (Marathon.starts_at <= now),
        (Marathon.state == "running") & (Marathon.ends_at <= now),
        Marathon.state == "deliberated",
    )
    return list(work.session.scalars(select(Marathon.id).where(due).order_by(Marathon.id)))
