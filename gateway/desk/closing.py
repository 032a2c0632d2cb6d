"""The closing of a marathon: what is missing, what will happen, the town's name to type; then
how far it has come.

One page without a script. Whoever closed first, closed: everybody else with the form open, a
second press and the way back in the browser end on the page that shows so.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from gateway.access import Who, admit
from gateway.asking import ask, parts, visitor
from gateway.desk import closing_plan, seen
from gateway.desk.acting import key_of
from gateway.desk.next_step import page_of
from gateway.desk.typed_names import is_name
from gateway.languages import N_
from gateway.problems import problem_of
from gateway.site import words
from gateway.site.gaps import part
from gateway.site.marathons import titles
from gateway.site.private import private
from services.chassis.errors import Invalid, Refusal

PATH = "/bureau/marathons/<marathon>/cloture"
CLOSABLE = "deliberated"


def add_to(desk: Blueprint) -> None:
    """Adds the page."""
    desk.add_url_rule(PATH, "closing", closing, methods=["GET", "POST"])


def closing(marathon: str) -> Answer:
    """Shows what closing means, or how far it has come; a POST with the right name closes."""
    admit(Who.ORGANISER, visitor(), {"marathon": marathon})
    desk = _desk(marathon)
    if request.method != "POST":
        return _page(desk)
    if words.is_closed(desk["marathon"]["state"]):
        return _after(marathon)
    try:
        _close(desk)
    except Refusal as refusal:
        # Where registration is away, the form comes back as it was, to be sent again.
        now = part("registration.get_desk", {"marathon": marathon}) or desk
        if now["marathon"]["state"] == "closed":
            # Somebody else was quicker, or this is the second press: it is closed as asked.
            return _after(marathon)
        return _page(now, refusal)
    return _after(marathon)


def name_of(desk: Mapping[str, Any]) -> str:
    """What is to be typed: the host town's name, else the marathon's title."""
    return str((desk["host"] or {}).get("name") or desk["marathon"]["title"])


def _close(desk: Mapping[str, Any]) -> None:
    if not is_name(request.form.get("name", ""), name_of(desk)):
        raise Invalid(
            "name_differs",
            N_("The name does not match: nothing has been closed."),
            N_("Type the name as it stands below. Capitals, accents and hyphens do not matter."),
            errors={"name": [N_("This is not the name of the town that is closed here.")]},
        )
    wanted = {
        "marathon": desk["marathon"]["id"],
        "to": "closed",
        "override": request.form.get("override") == "true",
        "reason": request.form.get("reason", "").replace("\r\n", "\n").strip() or None,
    }
    ask("registration.move_marathon", wanted, key_of(wanted), seen.given())


def _after(marathon: str) -> Answer:
    return redirect(url_for("desk.closing", marathon=marathon) + "#done", 303)


def _desk(marathon: str) -> dict[str, Any]:
    found: dict[str, Any] = ask("registration.get_desk", {"marathon": marathon})
    return found


def _page(desk: Mapping[str, Any], refusal: Refusal | None = None) -> Answer:
    of = {"marathon": desk["marathon"]["id"]}
    cycle = part("registration.get_cycle", {"cycle": desk["marathon"]["cycle"]}, {})
    palmares = part("jury.get_palmares", of)
    page = render_template(
        "closing.html",
        desk=desk,
        marathon=desk["marathon"],
        cycle=cycle,
        missing=_missing(desk),
        palmares=palmares,
        panel=part("jury.get_panel", of),
        poll=part("voting.get_poll", of),
        premises=closing_plan.premises_of(part("venues.list_allocations", of, []), palmares),
        titles=titles(part("registration.list_projects", of, [])),
        next=closing_plan.next_of(desk, cycle.get("marathons", [])),
        destroyed_at=closing_plan.destroyed_at(desk, parts().clock.now()).isoformat(),
        name=name_of(desk),
        seen=seen.tag_for(desk, refusal),
        key=request.form.get("form_key") or uuid.uuid4().hex,
        refusal=refusal,
        errors={each["field"]: each["message"] for each in _errors(refusal)},
        page_of=page_of,
        phases=words.phases,
        days=words.days,
    )
    return private(page, refusal.status if refusal else 200)


def _errors(refusal: Refusal | None) -> list[dict[str, str]]:
    found: list[dict[str, str]] = problem_of(refusal, "")["errors"] if refusal else []
    return found


def _missing(desk: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All that is missing before the closing (RULES C2), or before the move that comes first."""
    moves = [move for move in desk["next"] if move["to"] != "cancelled"]
    return [item for move in moves for item in move["missing"]]
