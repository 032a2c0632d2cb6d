"""On which side a person is in a marathon: juror or competitor, never both (RULES R3).

One row for each person and marathon, its primary key the constraint: so nobody is in two teams
of one marathon either. The callers hold the marathon's lock, so that the refusal has a name.
"""

from __future__ import annotations

from sqlalchemy import delete

from services.chassis.errors import Refusal
from services.chassis.work import Work
from services.registration.tables import Standing


def take(work: Work, marathon: str, key: str, side: str, project: str | None = None) -> None:
    """Puts a person on a side. Raises what :func:`must_be_free` raises."""
    if side == "juror" and _side_of(work, marathon, key) == "juror":
        return
    must_be_free(work, marathon, key, side)
    work.session.add(Standing(marathon=marathon, person_key=key, side=side, project=project))
    work.session.flush()


def must_be_free(work: Work, marathon: str, key: str, side: str) -> None:
    """Raises ``Refusal`` "juror_or_competitor" or "already_in_a_team"."""
    present = _side_of(work, marathon, key)
    if present is None:
        return
    if present != side:
        raise Refusal(
            "juror_or_competitor",
            "Dans un même marathon, nul n’est à la fois juré et membre d’une équipe.",
            "Retirez d’abord la personne du jury, ou de son équipe.",
        )
    raise Refusal(
        "already_in_a_team",
        "Cette personne est déjà dans une équipe de ce marathon.",
        "Il faut d’abord quitter cette équipe.",
    )


def leave(work: Work, marathon: str, key: str) -> None:
    """Takes a person off their side."""
    mine = (Standing.marathon == marathon) & (Standing.person_key == key)
    work.session.execute(delete(Standing).where(mine))


def disband(work: Work, project: str) -> None:
    """Takes a whole team off its side."""
    work.session.execute(delete(Standing).where(Standing.project == project))


def _side_of(work: Work, marathon: str, key: str) -> str | None:
    standing = work.session.get(Standing, (marathon, key), populate_existing=True)
    return None if standing is None else standing.side
