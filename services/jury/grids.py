"""The grid: criteria, method and tie-breaks; it locks when the first card comes in (J1)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from services.chassis.errors import Invalid, Refusal
from services.chassis.work import Work
from services.jury import panels, standing
from services.jury.ranking import CRITERION, FIRST_PLACES, PRESIDENT, Rules
from services.jury.scoring import Criterion
from services.jury.tables import Grid, Panel

DEFAULT_CRITERIA = (
    ("originality", "Originalité du projet", "1"),
    ("feasibility", "Faisabilité économique et technique", "1"),
    ("local_impact", "Utilité pour la commune et son centre-ville", "1"),
    ("theme", "Réponse à la question du marathon", "1"),
    ("pitch", "Clarté de la présentation", "1"),
)
DEFAULT_TIE_BREAKS = (CRITERION + "local_impact", CRITERION + "feasibility", FIRST_PLACES)


def draft(work: Work, panel: Panel) -> Grid:
    """The default grid of a new panel."""
    criteria = [
        {"id": name, "label": label, "weight": weight, "scale_max": 10, "required": True}
        for name, label, weight in DEFAULT_CRITERIA
    ]
    grid = Grid(
        panel=panel.id,
        criteria=criteria,
        method="mean",
        normalised=False,
        tie_breaks=list(DEFAULT_TIE_BREAKS),
    )
    work.session.add(grid)
    work.session.flush()
    return grid


def of(work: Work, panel: Panel) -> Grid:
    """A panel's grid."""
    return work.session.get_one(Grid, panel.id)


def set_grid(
    work: Work,
    marathon: str,
    criteria: list[dict[str, Any]],
    method: str,
    normalise: bool,
    tie_breaks: list[str],
) -> Grid:
    """Sets the whole grid.

    Raises ``Refusal("grid_locked")`` after the first card, ``Invalid`` for a grid that makes
    no ranking ("criteria_repeated", "criteria_weightless", "tie_break_unknown").
    """
    work.actor.must("organiser", marathon)
    message = "La grille ne se change qu’entre la mobilisation et la fin du marathon."
    panel = panels.at_work(work, marathon, ("mobilised", "running", "ended"), "grid_fixed", message)
    grid = of(work, panel)
    if grid.locked_at is not None:
        raise Refusal(
            "grid_locked",
            "Une première fiche de notation est arrivée : la grille ne change plus.",
        )
    _must_be_sound(criteria, tie_breaks)
    grid.criteria = [item | {"weight": _written(item["weight"])} for item in criteria]
    grid.method, grid.normalised, grid.tie_breaks = method, normalise, list(tie_breaks)
    return grid


def criteria_of(grid: Grid) -> list[Criterion]:
    """The criteria as the scoring rules take them."""
    return [
        Criterion(item["id"], Fraction(item["weight"]), item["scale_max"], item["required"])
        for item in grid.criteria
    ]


def rules_of(work: Work, panel: Panel) -> Rules:
    """How this panel's cards make a ranking."""
    grid = of(work, panel)
    presidents = standing.presidents(work, panel.marathon)
    return Rules(grid.method, grid.normalised, tuple(grid.tie_breaks), presidents)


def view(panel: Panel, grid: Grid) -> dict[str, Any]:
    """A grid as everybody sees it: the rules are public before the first card."""
    return {
        "marathon": panel.marathon,
        "criteria": [item | {"weight": Fraction(item["weight"])} for item in grid.criteria],
        "method": grid.method,
        "normalise": grid.normalised,
        "tie_breaks": grid.tie_breaks,
        "locked_at": grid.locked_at,
    }


def _must_be_sound(criteria: list[dict[str, Any]], tie_breaks: list[str]) -> None:
    names = [item["id"] for item in criteria]
    if len(set(names)) < len(names):
        raise Invalid("criteria_repeated", "Deux critères portent le même identifiant.")
    if any(item["weight"] <= 0 for item in criteria):
        raise Invalid("criteria_weightless", "Le poids d’un critère est supérieur à zéro.")
    known = {FIRST_PLACES, PRESIDENT, *(CRITERION + name for name in names)}
    unknown = [name for name in tie_breaks if name not in known]
    if unknown or len(set(tie_breaks)) < len(tie_breaks):
        raise Invalid(
            "tie_break_unknown",
            "Une règle de départage est inconnue ou répétée.",
            "Utilisez criterion:<critère>, first_places ou president, chacune une fois.",
            unknown=unknown,
        )


def _written(weight: Decimal | int) -> str:
    return format(Decimal(weight).normalize(), "f")
