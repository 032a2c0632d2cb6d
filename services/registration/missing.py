"""What is missing before a move: all of it, not the first thing (RULES C2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from services.chassis.work import Work
from services.registration import marathons, relay
from services.registration.tables import Marathon, Project

STANDING = ("confirmed", "checked_in")
HOUSED = frozenset({"confirmed", "handed_over"})


@dataclass(frozen=True)
class Missing:
    """One thing that is missing: a stable code, a French sentence and what to do about it.

    What is not ``overridable`` can't be waived, whatever the reason.
    """

    code: str
    message: str
    hint: str
    overridable: bool = True
    details: dict[str, Any] = field(default_factory=dict)


def before(work: Work, marathon: Marathon, to: str) -> list[Missing]:
    """All that is missing before a marathon moves to a state."""
    return [item for check in CHECKS.get(to, ()) for item in check(work, marathon)]


def standing_projects(work: Work, marathon: str) -> list[Project]:
    """The projects that start if the marathon starts now, by id."""
    query = select(Project).where(Project.marathon == marathon, Project.status.in_(STANDING))
    return list(work.session.scalars(query.order_by(Project.id)))


def poll_of(work: Work, marathon: str) -> dict[str, Any] | None:
    """The marathon's poll, as voting last said it."""
    polls = work.copies("poll", marathon)
    return polls[0] if polls else None


def panel_of(work: Work, marathon: str) -> dict[str, Any] | None:
    """The marathon's convened panel, as the jury last said it."""
    panels = work.copies("panel", marathon)
    return next((panel for panel in panels if panel["status"] == "convened"), None)


def palmares_of(work: Work, marathon: str) -> dict[str, Any] | None:
    """The newest published palmarès of a marathon, as the jury last said it."""
    published = work.copies("palmares", marathon)
    return max(published, key=lambda item: (item["number"], item["id"]), default=None)


def housed(work: Work, marathon: str) -> set[str]:
    """The projects that have premises."""
    allocations = work.copies("allocation", marathon)
    return {entry["project"] for entry in allocations if entry["status"] in HOUSED}


def seats(work: Work, marathon: str) -> int:
    """How many teams the approved premises can take."""
    offers = work.copies("premises", marathon)
    return sum(offer["capacity"] for offer in offers if offer["state"] == "approved")


# --- before mobilisation ------------------------------------------------------------------


def _baton(work: Work, marathon: Marathon) -> list[Missing]:
    if relay.holds(work, marathon):
        return []
    message = "Le relais n’a pas encore été reçu."
    hint = "Acceptez l’offre de relais dès que le marathon précédent est clos."
    return [Missing("baton_missing", message, hint, overridable=False)]


def _host(work: Work, marathon: Marathon) -> list[Missing]:
    if marathons.revealed_host(work, marathon.id):
        return []
    if marathons.host_of(work, marathon.id) is None:
        message, hint = "La ville hôte n’est pas choisie.", "Enregistrez la ville hôte."
        return [Missing("host_not_set", message, hint, overridable=False)]
    message = "La ville hôte n’est pas encore révélée."
    return [Missing("host_not_revealed", message, "Révélez la ville hôte.", overridable=False)]


# --- before the start ---------------------------------------------------------------------


def _teams(work: Work, marathon: Marathon) -> list[Missing]:
    count = len(standing_projects(work, marathon.id))
    least, most = marathon.least_teams, marathon.most_teams
    details = {"teams": count, "least": least, "most": most}
    if count < least:
        message = f"Équipes confirmées : {count} ; il en faut au moins {least}."
        hint = "Relancez les équipes retenues, ou faites monter la liste d’attente."
        return [Missing("teams_too_few", message, hint, details=details)]
    if count > most:
        message = f"Équipes confirmées : {count} ; il en faut au plus {most}."
        return [Missing("teams_too_many", message, "Retirez des équipes.", details=details)]
    return []


def _premises(work: Work, marathon: Marathon) -> list[Missing]:
    teams = standing_projects(work, marathon.id)
    placed = housed(work, marathon.id)
    without = [team for team in teams if team.id not in placed]
    if not without:
        return []
    room = seats(work, marathon.id)
    details = {
        "projects": [team.id for team in without],
        "seats": room,
        "seats_missing": max(0, len(teams) - room),
    }
    names = ", ".join(f"« {team.title} »" for team in without)
    message = f"Équipes sans local confirmé : {names}."
    hint = "Attribuez un local à chacune et confirmez l’attribution."
    return [Missing("premises_missing", message, hint, details=details)]


def _panel(work: Work, marathon: Marathon) -> list[Missing]:
    panel = panel_of(work, marathon.id)
    if panel is None:
        message, hint = "Le jury n’est pas réuni.", "Nommez les jurés et réunissez le jury."
        return [Missing("panel_missing", message, hint)]
    if panel["quorum_reachable"]:
        return []
    message = "Le jury ne peut pas atteindre son quorum pour toutes les équipes."
    return [Missing("quorum_unreachable", message, "Nommez d’autres jurés.")]


def _poll(work: Work, marathon: Marathon) -> list[Missing]:
    poll = poll_of(work, marathon.id)
    if poll is None or poll["state"] not in ("prepared", "open"):
        message = "Le vote du public n’est pas préparé."
        return [Missing("poll_missing", message, "Préparez le vote.")]
    teams = {team.id for team in standing_projects(work, marathon.id)}
    listed = {project["id"] for project in poll["projects"]}
    if teams == listed:
        return []
    details = {"not_in_poll": sorted(teams - listed), "only_in_poll": sorted(listed - teams)}
    message = "Le vote préparé ne porte pas sur les mêmes projets que le marathon."
    return [Missing("poll_differs", message, "Préparez à nouveau le vote.", details=details)]


# --- before deliberated and closed --------------------------------------------------------


def _palmares(work: Work, marathon: Marathon) -> list[Missing]:
    if palmares_of(work, marathon.id) is not None:
        return []
    message = "Le palmarès n’est pas publié."
    hint = "Le jury délibère et publie le palmarès."
    return [Missing("palmares_missing", message, hint, overridable=False)]


def _count(work: Work, marathon: Marathon) -> list[Missing]:
    poll = poll_of(work, marathon.id)
    if poll is None or poll["state"] in ("counted", "void"):
        return []
    message = "Le vote du public n’est pas dépouillé."
    return [Missing("poll_not_counted", message, "Attendez la clôture et le dépouillement.")]


CHECKS: Mapping[str, tuple[Callable[[Work, Marathon], list[Missing]], ...]] = {
    "mobilised": (_baton, _host),
    "running": (_teams, _premises, _panel, _poll),
    "deliberated": (_palmares,),
    "closed": (_palmares, _count),
}
