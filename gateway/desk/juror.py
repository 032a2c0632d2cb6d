"""A juror's pages: the projects to score, and the card of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from gateway.access import Who, admit
from gateway.asking import ask, visitor
from gateway.desk import seen
from gateway.desk.acting import DONE
from gateway.forms.error import Error
from gateway.forms.fields import read
from gateway.problems import problem_of
from gateway.site.gaps import part
from gateway.site.private import private
from services.chassis.errors import Refusal


def add_to(desk: Blueprint) -> None:
    """Adds these pages."""
    desk.add_url_rule("/marathons/<marathon>/jury", "cards", cards)
    desk.add_url_rule("/marathons/<marathon>/jury/<project>", "card", card, methods=["GET", "POST"])


def cards(marathon: str) -> Response:
    """All projects to score, and which are done; nobody else's cards (RULES J5)."""
    of = {"marathon": marathon}
    admit(Who.JUROR, visitor(), of)
    page = render_template(
        "cards.html",
        marathon=ask("registration.get_marathon", of),
        cards=ask("jury.my_scorecards", of),
        grid=part("jury.get_grid", of),
        saved=request.args.get(DONE) == "noter",
    )
    return private(page)


def card(marathon: str, project: str) -> Answer:
    """One card: shows it as it stands; a POST submits it, or a new version of it."""
    of = {"marathon": marathon}
    admit(Who.JUROR, visitor(), of)
    if request.method != "POST":
        return _page(of, project, _shown(_mine(of, project)))
    try:
        typed = {**_typed(of), **of, "project": project}
        ask("jury.submit_scorecard", typed, if_match=seen.given())
    except Refusal as refusal:
        return _page(of, project, dict(request.form), refusal)
    return redirect(f"{url_for('desk.cards', marathon=marathon)}?{DONE}=noter#done", 303)


def _typed(of: Mapping[str, str]) -> dict[str, Any]:
    """What was typed; a criterion that was left empty has no value, which is not a zero."""
    given = {
        line["id"]: read("decimal", request.form.get(f"values.{line['id']}", ""))
        for line in ask("jury.get_grid", dict(of))["criteria"]
    }
    return {
        "values": {name: value for name, value in given.items() if value is not None},
        "abstain": request.form.get("abstain") == "true",
        "comment": request.form.get("comment", "").replace("\r\n", "\n"),
    }


def _mine(of: Mapping[str, str], project: str) -> dict[str, Any]:
    found: dict[str, Any] = ask("jury.my_scorecard", {**of, "project": project})
    return found


def _shown(line: Mapping[str, Any]) -> dict[str, str]:
    newest = line["card"]
    if newest is None:
        return {}
    values = {f"values.{name}": str(value) for name, value in newest["values"].items()}
    return {
        **values,
        "comment": newest["comment"],
        "abstain": "true" if newest["abstained"] else "",
    }


def _page(
    of: Mapping[str, str], project: str, shown: Mapping[str, str], refusal: Refusal | None = None
) -> Response:
    grid = ask("jury.get_grid", dict(of))
    line = _mine(of, project)
    page = render_template(
        "card.html",
        marathon=ask("registration.get_marathon", dict(of)),
        project=ask("registration.get_project", {"project": project}),
        line=line,
        seen=seen.tag_for(line, refusal),
        grid=grid,
        shown=shown,
        refusal=refusal,
        errors=list(_errors(grid, refusal)) if refusal else [],
    )
    return private(page, refusal.status if refusal else 200)


def _errors(grid: Mapping[str, Any], refusal: Refusal) -> list[Error]:
    labels = {line["id"]: line["label"] for line in grid["criteria"]}
    return [
        Error(labels.get(name, ""), each["message"], f"values-{name}" if name in labels else "")
        for each in problem_of(refusal, "")["errors"]
        for name in [_criterion(each["field"], labels)]
    ]


def _criterion(field: str, labels: Mapping[str, str]) -> str:
    """The criterion that an error's path names."""
    return next((part for part in field.split(".") if part in labels), "")
