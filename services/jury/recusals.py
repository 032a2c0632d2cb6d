"""Recusals that are declared; those that are found come with the copies (RULES J3, J4)."""

from __future__ import annotations

from typing import Any

from services.chassis.errors import Forbidden, Invalid, NotFound, Refusal
from services.chassis.work import Work
from services.jury import panels, scorecards, standing
from services.jury.conflicts import Conflict
from services.jury.tables import Panel


def declare(
    work: Work, marathon: str, project: str, reason: str, juror_key: str | None
) -> dict[str, Any]:
    """Recuses the actor, or for an organiser any juror, before or after they scored.

    Their card for the project counts no more and the quorum shrinks. Raises ``Forbidden``,
    ``NotFound``; ``Invalid("reason_missing")``; ``Refusal`` "already_recused",
    "recusals_not_open".
    """
    key = juror_key or work.actor.key
    if key != work.actor.key or key is None:
        work.actor.must("organiser", marathon)
    message = "Un juré se récuse entre la mobilisation et la clôture."
    panel = panels.at_work(work, marathon, panels.BEFORE_CLOSING, "recusals_not_open", message)
    if not reason.strip():
        raise Invalid("reason_missing", "Une récusation demande un motif écrit.")
    _must_be_of_the_panel(work, panel, key, project)
    conflict = Conflict(key or "", project, "declared")
    row = standing.add_recusal(work, panel, conflict, reason.strip(), by=work.actor.key)
    work.session.flush()
    panels.tell(work, panel)
    scorecards.tell_progress(work, panel)
    return panels.recusal_line(row)


def _must_be_of_the_panel(work: Work, panel: Panel, key: str | None, project: str) -> None:
    who = standing.of(work, panel)
    if project not in who.eligible:
        raise NotFound("project", project)
    if key not in who.jurors and key not in who.eligible[project]:
        raise Forbidden("Cette personne n’est pas membre du jury de ce marathon.")
    declared = [row for row in standing.open_recusals(work, panel) if row.cause == "declared"]
    if (key, project) in {(row.juror_key, row.project) for row in declared}:
        raise Refusal("already_recused", "Ce juré est déjà récusé pour ce projet.")
