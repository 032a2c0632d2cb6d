"""Moving a marathon on: what is missing is listed, overridden in writing, and logged (RULES C2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.errors import Invalid, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.registration import joint_body, marathons, missing, relay
from services.registration.missing import Missing
from services.registration.tables import Marathon, Move


def list_missing(work: Work, marathon: str, to: str) -> list[dict[str, Any]]:
    """All that is missing before a move, for its organisers.

    Raises ``Refusal("move_impossible")`` when the present state does not allow the move at all.
    """
    work.actor.must("organiser", marathon)
    row = marathons.found(work, marathon)
    marathons.must_lead_to(row, to)
    return [vars(item) for item in missing.before(work, row, to)]


def list_moves(work: Work, marathon: str, page: Page) -> Answer:
    """The log of a marathon's moves, oldest first, for its organisers (RULES C1)."""
    work.actor.must("organiser", marathon)
    marathons.found(work, marathon)
    query = select(Move).where(Move.marathon == marathon)
    return page.rows(work.session, query, (Move.number,), lambda row: row)


def move(
    work: Work, marathon: str, to: str, reason: str | None = None, override: bool = False
) -> dict[str, Any]:
    """Moves a marathon to a state at its organiser's word.

    The joint body may cancel a leg elsewhere of which nothing is heard any more.

    Raises ``Refusal("move_not_ready")`` with all that is missing, ``Invalid("reason_missing")``
    where a written reason is due; then nothing is stored.
    """
    work.actor.must("organiser", marathon)
    written = (reason or "").strip() or None
    if to == "cancelled" and joint_body.may_give_up(work, marathon):
        _may_move(to, [], override, written)
        return marathons.view_of(work, joint_body.give_up(work, marathon, str(written)))
    row = marathons.locked(work, marathon)
    marathons.must_lead_to(row, to)
    lacking = missing.before(work, row, to)
    _may_move(to, lacking, override, written)
    go(work, row, to, written, lacking)
    return marathons.view_of(work, row)


def go(
    work: Work,
    marathon: Marathon,
    to: str,
    reason: str | None = None,
    overridden: list[Missing] | None = None,
) -> None:
    """Moves a locked marathon for which nothing is missing, or all of it is overridden."""
    if to == "running":
        marathon.projects = _projects_now(work, marathon)
    elif to == "ended":
        marathon.projects = _versions_now(work, marathon.projects or [])
    elif to in ("deliberated", "closed"):
        marathon.palmares = reference(missing.palmares_of(work, marathon.id))
    marathons.enter(work, marathon, to, reason, [vars(item) for item in overridden or []])
    if to == "announced":
        # An offer may have waited for this; see relay.settle.
        relay.settle(work, marathon.cycle)


def _may_move(to: str, lacking: list[Missing], override: bool, reason: str | None) -> None:
    fatal = [item for item in lacking if not item.overridable]
    if fatal or (lacking and not override):
        raise _not_ready(to, lacking)
    if reason is None and (lacking or to == "cancelled"):
        raise Invalid(
            "reason_missing",
            "Un motif écrit est nécessaire.",
            "Écrivez en une phrase pourquoi ; elle est conservée dans le journal.",
        )


def _not_ready(to: str, lacking: list[Missing]) -> Refusal:
    count = len(lacking)
    return Refusal(
        "move_not_ready",
        f"Avant de passer à « {marathons.FRENCH[to]} », il manque : "
        + " ".join(item.message for item in lacking),
        "Complétez ce qui manque"
        + (
            ", ou passez outre avec un motif écrit." if all(i.overridable for i in lacking) else "."
        ),
        missing=[vars(item) for item in lacking],
        count=count,
    )


def reference(palmares: dict[str, Any] | None) -> dict[str, Any] | None:
    """A palmarès by its name, as a marathon keeps it."""
    return palmares and {key: palmares[key] for key in ("id", "number", "digest")}


def _projects_now(work: Work, marathon: Marathon) -> list[dict[str, Any]]:
    teams = missing.standing_projects(work, marathon.id)
    return [{"id": team.id, "version": work.version("project", team.id)} for team in teams]


def _versions_now(work: Work, projects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same projects in their last versions.

    A listener thereby knows whether it still has a withdrawal to hear before it counts.
    """
    return [
        {"id": entry["id"], "version": work.version("project", entry["id"])} for entry in projects
    ]
