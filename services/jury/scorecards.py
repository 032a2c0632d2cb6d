"""Scorecards: every change is a new version; nobody sees somebody else's (RULES J1, J5, J7)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import select

from services.chassis.errors import Forbidden, Invalid, NotFound, Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.jury import grids, panels, ranking, scoring, standing
from services.jury.shapes import shown
from services.jury.standing import Standing
from services.jury.tables import Panel, Progress, Scorecard

OPEN = ("running", "ended")

DISAGREEMENT = Fraction(4)
"""Jurors this far apart on the common scale of ten disagree: it is flagged (RULES J5)."""


def submit(
    work: Work,
    marathon: str,
    project: str,
    values: dict[str, Decimal],
    abstain: bool,
    comment: str,
    juror_key: str | None,
) -> dict[str, Any]:
    """The actor's card for a project, or a new version of it; locks the grid.

    Raises ``Refusal`` "scoring_closed", "palmares_published", "recused", "project_not_scored";
    ``Forbidden`` for who is not on the panel; ``Invalid`` for values that the grid has not.
    """
    panel = _open_panel(work, marathon)
    key = _must_be_self(work, juror_key)
    _must_be_eligible(work, panel, key, project)
    grid = grids.of(work, panel)
    written = _checked(grids.criteria_of(grid), values, abstain)
    versions = _versions(work, panel, key).get(project, [])
    card = Scorecard(
        id=work.new_id(),
        panel=panel.id,
        juror_key=key,
        project=project,
        version=len(versions) + 1,
        abstained=abstain,
        values=written,
        comment=comment,
        submitted_at=work.now,
    )
    work.session.add(card)
    grid.locked_at = grid.locked_at or work.now
    work.session.flush()
    tell_progress(work, panel, always=project)
    return _line(card, grids.criteria_of(grid))


def mine(work: Work, marathon: str, page: Page) -> Answer:
    """What the actor has to score, and their own cards in all versions; nobody else's."""
    return page.of(_mine(work, marathon), lambda line: (line["project"],))


def mine_for(work: Work, marathon: str, project: str) -> dict[str, Any]:
    """The actor's line for one project. Raises ``NotFound("project")`` where none is scored."""
    lines = (line for line in _mine(work, marathon) if line["project"] == project)
    found = next(lines, None)
    if found is None:
        raise NotFound("project", project)
    return found


def _mine(work: Work, marathon: str) -> list[dict[str, Any]]:
    panel = panels.found(work, marathon)
    key = work.actor.key or ""
    criteria = grids.criteria_of(grids.of(work, panel))
    versions = _versions(work, panel, key)
    recused = {line["project"] for line in panels.recusals(work, panel) if line["juror_key"] == key}
    lines = []
    for project in standing.projects(work, marathon):
        own = [_line(card, criteria) for card in versions.get(project["id"], [])]
        lines.append(
            {
                "project": project["id"],
                "title": project["title"],
                "team_number": project["team_number"],
                "recused": project["id"] in recused,
                "card": own[-1] if own else None,
                "versions": own,
            }
        )
    return lines


def owes_cards(work: Work, panel: Panel, who: Standing, key: str | None) -> bool:
    """Whether somebody is a juror whose cards are not all in: they see no scores (RULES J5)."""
    if panel.status == "sealed" or key is None:
        return False
    mine = {project for project, keys in who.eligible.items() if key in keys}
    return bool(mine - _versions(work, panel, key).keys())


def progress(work: Work, marathon: str, page: Page) -> Answer:
    """How many cards are in; for organisers, once the marathon has ended, also what they say.

    Mean, median and spread come together and never before the end (RULES J5).
    """
    panel = panels.found(work, marathon)
    who = standing.of(work, panel)
    with_scores = work.actor.has("organiser", marathon) and panels.has_ended(work, marathon)
    with_scores = with_scores and not owes_cards(work, panel, who, work.actor.key)
    by_project = scoring.by(counted(work, panel, who), lambda card: card.project)
    answered = _answered(work, panel, who)
    lines: list[dict[str, Any]] = []
    for project, jurors in who.eligible.items():
        scores = [card.score for card in by_project.get(project, [])]
        needed = ranking.quorum(len(jurors))
        line = {
            "project": project,
            "cards_in": answered[project],
            "cards_expected": len(jurors),
            "counted": len(scores),
            "quorum": needed,
            "has_quorum": len(scores) >= needed,
        }
        lines.append(line | _statistics(scores if with_scores else []))
    return page.of(lines, lambda line: (line["project"],))


def counted(work: Work, panel: Panel, who: Standing) -> list[scoring.Card]:
    """The cards that count: each eligible juror's newest, complete and not abstained."""
    criteria = grids.criteria_of(grids.of(work, panel))
    cards = [
        scoring.card_of(card.juror_key, card.project, criteria, _exact(card.values))
        for card in _newest(work, panel)
        if not card.abstained and card.juror_key in who.eligible.get(card.project, ())
    ]
    return [card for card in cards if card is not None]


def tell_progress(work: Work, panel: Panel, always: str | None = None) -> None:
    """Says how many cards are in, of each project that has cards and where that changed.

    ``always`` names a project to say in any case. Never a juror, never a value.
    """
    told = {row.project: row for row in work.session.scalars(_progress_of(panel))}
    if not told and always is None:
        return
    who = standing.of(work, panel)
    for project, cards_in in _answered(work, panel, who).items():
        now = (cards_in, len(who.eligible[project]))
        row = told.get(project)
        if project != always and (row is None or (row.cards_in, row.cards_expected) == now):
            continue
        row = row or Progress(panel=panel.id, project=project)
        row.cards_in, row.cards_expected = now
        work.session.add(row)
        work.say("scorecard_submitted", project, _said(panel, row))
    work.session.flush()


def _open_panel(work: Work, marathon: str) -> Panel:
    message = "Les fiches se remettent du départ du marathon jusqu’au palmarès."
    panel = panels.at_work(work, marathon, OPEN, "scoring_closed", message)
    if standing.last_edition(work, panel) is not None:
        raise Refusal("palmares_published", "Le palmarès est publié : les fiches ne changent plus.")
    return panel


def _must_be_self(work: Work, juror_key: str | None) -> str:
    key = work.actor.key
    if key is None or (juror_key is not None and juror_key != key):
        raise Forbidden("Chaque juré remet sa propre fiche.")
    return key


def _must_be_eligible(work: Work, panel: Panel, key: str, project: str) -> None:
    who = standing.of(work, panel)
    if key not in who.jurors:
        raise Forbidden("Vous n’êtes pas membre du jury de ce marathon.")
    if project not in who.eligible:
        raise Refusal("project_not_scored", "Ce projet n’est pas, ou plus, noté par le jury.")
    if key not in who.eligible[project]:
        raise Refusal(
            "recused",
            "Vous êtes récusé pour ce projet et ne pouvez pas le noter.",
            "Si c’est une erreur, adressez-vous à l’organisation.",
        )


def _checked(
    criteria: list[scoring.Criterion], values: Mapping[str, Decimal], abstain: bool
) -> dict[str, str]:
    if abstain == bool(values):
        raise Invalid(
            "values_or_abstention",
            "Une fiche porte des notes, ou une abstention.",
            "Notez au moins un critère, ou abstenez-vous.",
        )
    scales = {item.id: item.scale_max for item in criteria}
    unknown = sorted(values.keys() - scales.keys())
    if unknown:
        message = "La fiche porte un critère que la grille n’a pas."
        raise Invalid("criterion_unknown", message, unknown=unknown)
    beyond = {name: scales[name] for name, value in values.items() if value > scales[name]}
    if beyond:
        message = "Une note dépasse l’échelle de son critère."
        raise Invalid("value_beyond_scale", message, scale_max=beyond)
    return {name: str(value) for name, value in sorted(values.items())}


def _versions(work: Work, panel: Panel, key: str) -> dict[str, list[Scorecard]]:
    """A juror's cards by project, oldest version first."""
    query = select(Scorecard).where(Scorecard.panel == panel.id, Scorecard.juror_key == key)
    found: dict[str, list[Scorecard]] = {}
    for card in work.session.scalars(query.order_by(Scorecard.version)):
        found.setdefault(card.project, []).append(card)
    return found


def _newest(work: Work, panel: Panel) -> list[Scorecard]:
    query = select(Scorecard).where(Scorecard.panel == panel.id).order_by(Scorecard.version)
    newest = {(card.project, card.juror_key): card for card in work.session.scalars(query)}
    return [card for _key, card in sorted(newest.items())]


def _answered(work: Work, panel: Panel, who: Standing) -> dict[str, int]:
    """By project, how many eligible jurors have scored completely or abstained."""
    criteria = grids.criteria_of(grids.of(work, panel))
    numbers = dict.fromkeys(who.eligible, 0)
    for card in _newest(work, panel):
        if card.juror_key in who.eligible.get(card.project, ()):
            complete = not scoring.missing(criteria, _exact(card.values))
            numbers[card.project] += card.abstained or complete
    return numbers


def _statistics(scores: list[Fraction]) -> dict[str, Any]:
    if not scores:
        return {"mean": None, "median": None, "spread": None, "disagreement": False}
    apart = scoring.spread(scores)
    return {
        "mean": shown(scoring.mean(scores)),
        "median": shown(scoring.median(scores)),
        "spread": shown(apart),
        "disagreement": apart >= DISAGREEMENT,
    }


def _line(card: Scorecard, criteria: list[scoring.Criterion]) -> dict[str, Any]:
    values = _exact(card.values)
    scored = None if card.abstained else scoring.card_of("", "", criteria, values)
    return {
        "project": card.project,
        "version": card.version,
        "values": values,
        "abstained": card.abstained,
        "comment": card.comment,
        "submitted_at": card.submitted_at,
        "counted": scored is not None,
        "missing": [] if card.abstained else scoring.missing(criteria, values),
        "score": shown(scored.score) if scored else None,
    }


def _exact(values: Mapping[str, str]) -> dict[str, Fraction]:
    return {name: Fraction(value) for name, value in values.items()}


def _progress_of(panel: Panel) -> Any:
    return select(Progress).where(Progress.panel == panel.id)


def _said(panel: Panel, row: Progress) -> dict[str, Any]:
    return {
        "id": row.project,
        "marathon": panel.marathon,
        "project": row.project,
        "cards_in": row.cards_in,
        "cards_expected": row.cards_expected,
    }
