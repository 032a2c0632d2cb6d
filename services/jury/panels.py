"""Panels: drafted with the marathon, convened by its organiser, said again when they change."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from services.chassis.errors import NotFound, Refusal
from services.chassis.work import Work
from services.jury import grids, ranking, standing
from services.jury.standing import Standing
from services.jury.tables import Panel

BEFORE_CLOSING = ("mobilised", "running", "ended", "deliberated")
AFTER_THE_END = ("ended", "deliberated")


def of_marathon(work: Work, marathon: str) -> Panel | None:
    """A marathon's panel, if it was drafted."""
    return work.session.scalar(select(Panel).where(Panel.marathon == marathon))


def found(work: Work, marathon: str) -> Panel:
    """A marathon's panel. Raises :class:`NotFound`."""
    panel = of_marathon(work, marathon)
    if panel is None:
        raise NotFound("panel", marathon)
    return panel


def at_work(work: Work, marathon: str, states: Collection[str], code: str, message: str) -> Panel:
    """A panel to be changed, with the marathon's lock, while the marathon is in ``states``.

    Raises ``NotFound``, ``Refusal`` "panel_sealed" or "panel_dissolved" when nothing changes
    any more, and ``Refusal(code, message)`` in any other state.
    """
    work.lock(f"marathon:{marathon}")
    panel = found(work, marathon)
    if panel.status == "sealed":
        raise Refusal("panel_sealed", "Le marathon est clos : le jury ne change plus rien.")
    if panel.status == "dissolved":
        raise Refusal("panel_dissolved", "Le marathon est annulé : il n’y a plus de jury.")
    state = state_of_marathon(work, marathon)
    if state not in states:
        raise Refusal(code, message, state=state)
    return panel


def state_of_marathon(work: Work, marathon: str) -> str:
    """The marathon's state, as last heard."""
    copy = work.copy("marathon", marathon)
    return str(copy["state"]) if copy else ""


def has_ended(work: Work, marathon: str) -> bool:
    """Whether the marathon is over, so that scores may be looked at."""
    return state_of_marathon(work, marathon) not in ("mobilised", "running")


def draft(work: Work, marathon: str) -> Panel:
    """A new panel with the default grid."""
    panel = Panel(id=work.new_id(), marathon=marathon, status="draft", drafted_at=work.now)
    work.session.add(panel)
    work.session.flush()
    grids.draft(work, panel)
    return panel


def convene(work: Work, marathon: str) -> Panel:
    """Convenes the panel and says so; again, it says only what has changed."""
    work.actor.must("organiser", marathon)
    message = "Le jury ne se réunit qu’entre la mobilisation et la clôture."
    panel = at_work(work, marathon, BEFORE_CLOSING, "panel_not_convenable", message)
    if panel.status == "draft":
        panel.status, panel.convened_at = "convened", work.now
    tell(work, panel)
    return panel


def follow(panel: Panel, state: str) -> None:
    """Brings a panel to what the marathon's state requires."""
    if state == "cancelled":
        panel.status = "dissolved"
    elif state == "closed" and panel.status != "dissolved":
        panel.status = "sealed"


def tell(work: Work, panel: Panel) -> None:
    """Says a panel that was convened, whenever what is to be said of it has changed."""
    if panel.convened_at is None:
        return
    state = said_state(panel, standing.of(work, panel))
    if state != panel.told:
        panel.told = state
        work.say("panel_convened", panel.id, state)


def said_state(panel: Panel, who: Standing) -> dict[str, Any]:
    """A panel's whole public state."""
    return {
        "id": panel.id,
        "marathon": panel.marathon,
        "status": "dissolved" if panel.status == "dissolved" else "convened",
        "juror_keys": list(who.jurors),
        "eligible": who.counts,
        "quorum_reachable": is_quorum_reachable(who),
    }


def is_quorum_reachable(who: Standing) -> bool:
    """Whether every team can get the cards it needs, also a team that is not known yet."""
    return all(ranking.is_reachable(count) for count in (len(who.jurors), *who.counts.values()))


def view(work: Work, panel: Panel) -> dict[str, Any]:
    """A panel as its members and the organisers see it."""
    who = standing.of(work, panel)
    return said_state(panel, who) | {
        "status": panel.status,
        "jurors": [_juror(work, panel.marathon, key) for key in who.jurors],
        "quorum": {project: ranking.quorum(count) for project, count in who.counts.items()},
        "recusals": recusals(work, panel),
        "convened_at": panel.convened_at,
    }


def recusals(work: Work, panel: Panel) -> list[dict[str, Any]]:
    """The recusals as they are seen; those of the last edition once the panel is sealed."""
    edition = standing.last_edition(work, panel) if panel.status == "sealed" else None
    if edition is not None:
        return list(edition.record["recusals"])
    return [recusal_line(row) for row in standing.open_recusals(work, panel)]


def recusal_line(row: Any) -> dict[str, Any]:
    """A recusal as JSON-able values."""
    return {name: getattr(row, name) for name in ("juror_key", "project", "cause", "reason")}


def _juror(work: Work, marathon: str, key: str) -> dict[str, Any]:
    roles = [role for role in standing.juror_roles(work, marathon) if role["person_key"] == key]
    granted = [role for role in roles if role["status"] == "granted"] or roles
    return {
        "key": key,
        "name": next((role["display_name"] for role in granted if role["display_name"]), ""),
        "organisation": next((r["organisation"] for r in granted if r["organisation"]), None),
        "president": any(role["president"] for role in granted),
    }
