"""The deliberation: it may depart from the ranking, with a written reason (RULES J6, J8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.chassis.errors import Forbidden, Invalid, Refusal
from services.chassis.work import Work
from services.jury import grids, panels, ranking, scorecards, scoring, standing
from services.jury.ranking import Place
from services.jury.shapes import shown
from services.jury.standing import Standing
from services.jury.tables import Deliberation, Panel

Ranks = Mapping[str, tuple[int, bool]]
"""By project: rank and whether it is shared."""


@dataclass(frozen=True)
class Outcome:
    """The ranking by the cards, and the ranks after the deliberation."""

    places: Sequence[Place]
    ranks: Ranks
    deliberation: Deliberation | None


def of(work: Work, panel: Panel, who: Standing) -> Outcome:
    """What the cards and the last deliberation say together.

    Raises ``Refusal("placement_impossible")`` where a placement no longer fits, because a
    card or a team went after it was decided.
    """
    places = places_of(work, panel, who)
    last = last_deliberation(work, panel)
    placements = {
        item["project"]: item["rank"]
        for item in (last.placements if last else ())
        if item["project"] in who.eligible
    }
    return Outcome(places, placed(places, placements), last)


def places_of(work: Work, panel: Panel, who: Standing) -> list[Place]:
    """The ranking by the cards alone (RULES J7)."""
    cards = scorecards.counted(work, panel, who)
    return ranking.ranking(cards, who.counts, grids.rules_of(work, panel))


def placed(places: Iterable[Place], placements: Mapping[str, int]) -> dict[str, tuple[int, bool]]:
    """The ranks once some projects were placed: each gets exactly the rank it was given.

    The others keep their order around them; those placed at one rank share it. Raises
    ``Refusal("placement_impossible")`` for a rank that can't come out, as a fifth of three.
    """
    asked: dict[int, list[str]] = {}
    for project, rank in sorted(placements.items()):
        asked.setdefault(rank, []).append(project)
    others = _groups(place for place in places if place.project not in placements)
    groups: list[list[str]] = []
    while asked or others:
        rank = sum(len(group) for group in groups) + 1
        if rank in asked:
            groups.append(asked.pop(rank))
        elif others:
            groups.append(others.pop(0))
        else:
            break
    if asked:
        raise _impossible(asked)
    return ranking.competition(groups)


def deliberate(
    work: Work, marathon: str, placements: list[dict[str, Any]], reason: str
) -> dict[str, Any]:
    """Records a deliberation, whole: it replaces the one before, which stays on record.

    Raises ``Refusal`` "deliberation_not_open", "placement_impossible"; ``Invalid``
    "reason_missing", "project_placed_twice", "project_unknown".
    """
    work.actor.must("organiser", marathon)
    message = "La délibération s’ouvre quand le marathon est terminé."
    panel = panels.at_work(work, marathon, panels.AFTER_THE_END, "deliberation_not_open", message)
    who = standing.of(work, panel)
    written = _checked(who, placements, reason)
    wanted = {item["project"]: item["rank"] for item in written}
    placed(places_of(work, panel, who), wanted)
    last = last_deliberation(work, panel)
    row = Deliberation(
        panel=panel.id,
        number=last.number + 1 if last else 1,
        placements=written,
        reason=reason.strip(),
        by_key=work.actor.key,
        at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    return view(work, marathon)


def view(work: Work, marathon: str) -> dict[str, Any]:
    """The ranking and what the deliberation made of it, for organisers, after the end."""
    work.actor.must("organiser", marathon)
    panel = panels.found(work, marathon)
    if not panels.has_ended(work, marathon):
        raise Forbidden("Le classement se consulte quand le marathon est terminé.")
    edition = standing.last_edition(work, panel)
    if panel.status == "sealed" and edition is not None:
        return dict(edition.record["outcome"])
    who = standing.of(work, panel)
    if scorecards.owes_cards(work, panel, who, work.actor.key):
        raise Refusal(
            "cards_first",
            "Vous êtes aussi juré : le classement se consulte une fois vos grilles rendues.",
            "Rendez d’abord vos grilles, ou abstenez-vous.",
        )
    return lines(work, panel, who)


def lines(work: Work, panel: Panel, who: Standing) -> dict[str, Any]:
    """The ranking and the ranks after the deliberation, as JSON-able values."""
    places = places_of(work, panel, who)
    last, problem = last_deliberation(work, panel), None
    try:
        ranks: Ranks = of(work, panel, who).ranks
    except Refusal as refusal:
        ranks, problem = placed(places, {}), refusal.message
    cards = scoring.by(scorecards.counted(work, panel, who), lambda card: card.project)
    return {
        "marathon": panel.marathon,
        "ranking": [_place(place, ranks, cards.get(place.project, [])) for place in places],
        "deliberation": _deliberated(last) if last else None,
        "problem": problem,
    }


def last_deliberation(work: Work, panel: Panel) -> Deliberation | None:
    """The deliberation that holds, if any."""
    query = select(Deliberation).where(Deliberation.panel == panel.id)
    return work.session.scalars(query.order_by(Deliberation.number.desc()).limit(1)).first()


def _groups(places: Iterable[Place]) -> list[list[str]]:
    groups: dict[int, list[str]] = {}
    for place in places:
        if place.rank is not None:
            groups.setdefault(place.rank, []).append(place.project)
    return [group for _rank, group in sorted(groups.items())]


def _checked(who: Standing, placements: list[dict[str, Any]], reason: str) -> list[dict[str, Any]]:
    names = [item["project"] for item in placements]
    if len(set(names)) < len(names):
        raise Invalid("project_placed_twice", "Un projet est placé deux fois.")
    unknown = sorted(set(names) - who.eligible.keys())
    if unknown:
        message = "Un projet placé n’est pas, ou plus, noté par le jury."
        raise Invalid("project_unknown", message, projects=unknown)
    # One reason may be written for all placements together.
    written = [item | {"reason": (item["reason"] or reason).strip()} for item in placements]
    silent = [item["project"] for item in written if not item["reason"]]
    if silent:
        raise Invalid(
            "reason_missing",
            "S’écarter du classement demande un motif écrit.",
            "Donnez un motif par projet placé, ou un motif commun.",
            projects=silent,
        )
    return written


def _impossible(asked: Mapping[int, list[str]]) -> Refusal:
    return Refusal(
        "placement_impossible",
        "Un rang demandé ne peut pas exister dans ce classement.",
        "Placez aussi les projets qui partagent les rangs voisins.",
        placements={project: rank for rank, group in asked.items() for project in group},
    )


def _place(place: Place, ranks: Ranks, cards: Sequence[scoring.Card]) -> dict[str, Any]:
    rank, shared = ranks.get(place.project, (None, False))
    scores = [card.score for card in cards]
    return {
        "project": place.project,
        "rank": place.rank,
        "shared": place.shared,
        "score": shown(place.score),
        "exact": None if place.score is None else str(place.score),
        "cards": place.cards,
        "quorum": place.quorum,
        "spread": shown(scoring.spread(scores)) if scores else None,
        "disagreement": bool(scores) and scoring.spread(scores) >= scorecards.DISAGREEMENT,
        "final_rank": rank,
        "final_shared": shared,
    }


def _deliberated(row: Deliberation) -> dict[str, Any]:
    return {
        "number": row.number,
        "placements": list(row.placements),
        "reason": row.reason,
        "at": row.at.isoformat(),
    }
