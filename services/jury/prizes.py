"""Prizes: what is given, by whom, to which team; the public prize by the count alone (Z1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from services.chassis.errors import NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.jury import panels, standing
from services.jury.tables import Award, Edition, Prize

PUBLIC = "public"
FINAL_STATES = ("closed", "cancelled")

Ranks = Mapping[str, tuple[int, bool]]


def add(
    work: Work,
    marathon: str,
    kind: str,
    title: str,
    quantity: int,
    donor: str,
    cap_eur: int | None,
    premises: str | None,
    condition: str | None,
    expires_at: datetime | None,
    exclusive: bool,
) -> dict[str, Any]:
    """A new prize of an announced marathon; ``quantity`` in months, hours, euros or pieces.

    Raises ``NotFound`` and ``Refusal("marathon_over")``.
    """
    work.actor.must("organiser", marathon)
    work.lock(f"marathon:{marathon}")
    _must_not_be_over(work, marathon)
    prize = Prize(
        id=work.new_id(),
        marathon=marathon,
        number=1 + (work.session.scalar(_last_number(marathon)) or 0),
        kind=kind,
        title=title,
        quantity=quantity,
        donor=donor,
        cap_eur=cap_eur,
        premises=premises,
        condition=condition,
        expires_at=expires_at,
        exclusive=exclusive,
        added_at=work.now,
    )
    work.session.add(prize)
    work.session.flush()
    return _line(prize, {})


def of_marathon(work: Work, marathon: str) -> list[Prize]:
    """A marathon's prizes, in the order they were added."""
    query = select(Prize).where(Prize.marathon == marathon).order_by(Prize.number, Prize.id)
    return list(work.session.scalars(query))


def view(work: Work, marathon: str, page: Page) -> Answer:
    """A marathon's prizes; who gets them is the organisers' until the palmarès is published."""
    return page.of(
        of_marathon(work, marathon),
        lambda prize: (prize.number, prize.id),
        _shown(work, marathon),
    )


def _shown(work: Work, marathon: str) -> Callable[[Prize], dict[str, Any]]:
    """How a marathon's prizes look to who asks."""
    panel = panels.of_marathon(work, marathon)
    edition = standing.last_edition(work, panel) if panel else None
    if work.actor.has("organiser", marathon) and not (panel and panel.status == "sealed"):
        drafts: dict[str, list[str]] | None = {
            prize: [project] for prize, project in awards(work, marathon).items()
        }
    else:
        drafts = None
    published = _published(edition)
    # Nobody awards the public prize here: it is known once it is published.
    return lambda prize: _line(
        prize, published if drafts is None or prize.kind == PUBLIC else drafts
    )


def _found(work: Work, prize: str) -> Prize:
    row = work.session.get(Prize, prize)
    if row is None:
        raise NotFound("prize", prize)
    return row


def get(work: Work, prize: str) -> dict[str, Any]:
    """One prize, as :func:`view` shows it. Raises ``NotFound("prize")``."""
    row = _found(work, prize)
    return _shown(work, row.marathon)(row)


def award(work: Work, prize: str, project: str | None) -> dict[str, Any]:
    """Gives a prize of the jury to a project, instead of whom it was given before.

    Without a project it is given to nobody. Nothing is public before the palmarès is. Raises
    ``NotFound``; ``Refusal`` "public_prize_by_count", "awards_not_open", "project_not_scored",
    "prize_exclusive".
    """
    row = _found(work, prize)
    work.actor.must("organiser", row.marathon)
    message = "Les prix se décernent quand le marathon est terminé."
    panel = panels.at_work(work, row.marathon, panels.AFTER_THE_END, "awards_not_open", message)
    if row.kind == PUBLIC:
        raise Refusal("public_prize_by_count", "Le prix du public revient au seul dépouillement.")
    if project is not None and project not in standing.of(work, panel).eligible:
        raise Refusal("project_not_scored", "Ce projet n’est pas, ou plus, noté par le jury.")
    given = awards(work, row.marathon) | ({} if project is None else {prize: project})
    if project is not None and project in over_awarded(of_marathon(work, row.marathon), given):
        raise Refusal(
            "prize_exclusive",
            "Cette équipe recevrait plusieurs prix, dont un qui ne se cumule pas.",
            "Reprenez d’abord l’autre prix, ou décernez celui-ci à une autre équipe.",
        )
    _give(work, prize, project)
    return _line(row, {} if project is None else {prize: [project]})


def awards(work: Work, marathon: str) -> dict[str, str]:
    """Who gets which prize of the jury, as decided so far."""
    query = select(Award.prize, Award.project).join(Prize, Prize.id == Award.prize)
    rows = work.session.execute(query.where(Prize.marathon == marathon).order_by(Prize.number))
    return {row.prize: row.project for row in rows}


def over_awarded(prizes: Iterable[Prize], given: Mapping[str, str]) -> set[str]:
    """The teams with several prizes of the jury, one of which excludes any other.

    The public prize is beside this: it goes by the count alone.
    """
    exclusive = {prize.id for prize in prizes if prize.exclusive}
    held: dict[str, list[str]] = {}
    for prize, project in given.items():
        held.setdefault(project, []).append(prize)
    return {
        project
        for project, theirs in held.items()
        if len(theirs) > 1 and not exclusive.isdisjoint(theirs)
    }


def invalid(work: Work, marathon: str, eligible: Iterable[str]) -> list[dict[str, str]]:
    """The awards that can't be published: ``[{prize, project, code}]``."""
    given, known = awards(work, marathon), set(eligible)
    excessive = over_awarded(of_marathon(work, marathon), given)
    gone = [("project_not_scored", p, to) for p, to in given.items() if to not in known]
    cumulated = [("prize_exclusive", p, to) for p, to in given.items() if to in excessive]
    return [
        {"prize": prize, "project": project, "code": code}
        for code, prize, project in (*gone, *cumulated)
    ]


def public_winners(
    tally: Mapping[str, Any] | None, rule: str, standing_projects: Iterable[str], ranks: Ranks
) -> list[str]:
    """Who gets the public prize: by the count alone (RULES Z1, V10).

    A tie is decided by the poll's declared rule; under "jury_order" by the ranks, and whoever
    the jury has equal, or nowhere, shares. Where all the winners have left since the count,
    those with most counted ballots among the others win.
    """
    if tally is None:
        return []
    present = set(standing_projects)
    winners = [project for project in tally["winners"] if project in present]
    if tally["winners"] and not winners:
        winners = _most_counted(tally["counted"], present)
    if rule != "jury_order" or len(winners) < 2:
        return sorted(winners)
    best = min(_rank(ranks, project) for project in winners)
    return sorted(project for project in winners if _rank(ranks, project) == best)


def _most_counted(counted: Mapping[str, int], present: set[str]) -> list[str]:
    left = {project: number for project, number in counted.items() if project in present}
    best = max(left.values(), default=0)
    return [project for project, number in left.items() if number == best and number > 0]


def _rank(ranks: Ranks, project: str) -> float:
    return ranks[project][0] if project in ranks else float("inf")


def _give(work: Work, prize: str, project: str | None) -> None:
    row = work.session.get(Award, prize)
    if row is not None:
        work.session.delete(row)
        work.session.flush()
    if project is not None:
        new = Award(prize=prize, project=project, by_key=work.actor.key, at=work.now)
        work.session.add(new)
        work.session.flush()


def _published(edition: Edition | None) -> dict[str, list[str]]:
    holders: dict[str, list[str]] = {}
    for line in edition.document["prizes"] if edition else ():
        holders.setdefault(line["id"], []).append(line["project"])
    return holders


def _must_not_be_over(work: Work, marathon: str) -> None:
    state = work.copy("marathon", marathon)
    if state is None:
        raise NotFound("marathon", marathon)
    if state["state"] in FINAL_STATES:
        raise Refusal("marathon_over", "Ce marathon est terminé : ses prix ne changent plus.")


def _last_number(marathon: str) -> Any:
    return select(func.max(Prize.number)).where(Prize.marathon == marathon)


def _line(prize: Prize, holders: Mapping[str, list[str]]) -> dict[str, Any]:
    names = (
        "id", "marathon", "kind", "title", "quantity", "donor", "cap_eur", "premises",
        "condition", "expires_at", "exclusive",
    )  # fmt: skip
    return {name: getattr(prize, name) for name in names} | {"projects": holders.get(prize.id, [])}
