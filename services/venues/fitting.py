"""Whether a team fits into premises: the hard constraints, one place (RULES P3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.venues.tables import Premises

Team = Mapping[str, Any]
"""A project as venues hears of it."""

OF_TEAM = ("step_free", "water", "power")
"""Constraints that a team brings; the others are the premises' own."""

OF_PREMISES = ("activity", "available")


def misfits(premises: Premises, team: Team, from_at: datetime, to_at: datetime) -> list[str]:
    """The hard constraints, by kind, that keep a team out of premises over an interval."""
    fits = {
        "step_free": premises.step_free == "yes" or not team["needs"]["step_free"],
        "water": premises.water or not team["needs"]["water"],
        "power": premises.power or not team["needs"]["power"],
        "activity": not premises.activities or team["activity"] in premises.activities,
        "available": is_available(premises, from_at, to_at),
    }
    return [kind for kind, fine in fits.items() if not fine]


def is_available(premises: Premises, from_at: datetime, to_at: datetime) -> bool:
    """Whether the premises are free from one instant to the other without a gap."""
    reached = from_at
    for start, end in sorted(intervals(premises)):
        if start <= reached:
            reached = max(reached, end)
    return reached >= to_at


def intervals(premises: Premises) -> list[tuple[datetime, datetime]]:
    """When the premises are free: half-open intervals."""
    return [
        (datetime.fromisoformat(one["from_at"]), datetime.fromisoformat(one["to_at"]))
        for one in premises.available
    ]


def discomfort(premises: Premises, team: Team) -> int:
    """How far premises are from what a team would like: the soft constraints, in points.

    A missing square metre weighs 2, a missing shop window 30.
    """
    missing_m2: int = max(0, team["needs"]["surface_m2"] - premises.surface_m2)
    return 2 * min(missing_m2, 1000) + (0 if premises.shop_window else 30)


def sentence(kind: str, premises: Premises | None = None, team: Team | None = None) -> str:
    """A constraint as a French sentence for the organiser."""
    if kind == "available" and premises:
        return f"« {premises.title} » n’est pas libre pendant tout le marathon."
    if kind == "activity" and premises:
        return f"« {premises.title} » n’accueille que : {', '.join(premises.activities)}."
    if kind == "capacity" and premises:
        return f"« {premises.title} » a {premises.capacity} place(s) en tout."
    if kind == "seat_taken":
        return "La place est prise par une autre équipe au même moment."
    if kind == "team_gone":
        return "L’équipe ne participe plus ; les clés sont encore à rendre."
    name = f"L’équipe {team['team_number']} « {team['title']} »" if team else "L’équipe"
    return name + _OF_TEAM[kind]


_OF_TEAM = {
    "team": " doit avoir une place.",
    "step_free": " a besoin d’un accès de plain-pied.",
    "water": " a besoin d’eau.",
    "power": " a besoin d’électricité.",
}
