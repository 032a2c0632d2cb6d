"""The page of an action: its form, what becomes of what was typed, and where one goes after.

One page for all actions, ``/faire/<action>``: the parts of the route's path come with the
address (``?project=…``), and so does ``retour``, the page to go back to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from gateway.access import admit
from gateway.asking import ask, visitor
from gateway.desk import choices, seen
from gateway.desk.actions import ACTIONS, Action
from gateway.forms.form import Form, again, blank, request_of
from gateway.languages import N_
from gateway.languages import gettext as _
from gateway.routes import Route
from gateway.site.gaps import part
from gateway.site.own_path import own_path
from gateway.site.private import private
from services.chassis.errors import Refusal

BACK = "retour"
DONE = "fait"
OTHERWISE = {
    "annulation": N_("Signed once: it is carried out when somebody else signs as well."),
}
"""What was done on a page of its own, in a sentence."""


def add_to(desk: Blueprint) -> None:
    """Adds the page."""
    desk.add_url_rule("/faire/<action>", "act", act, methods=["GET", "POST"])


def act(action: str) -> Answer | str:
    """Shows the form; a POST does it, then goes back where one came from."""
    found = ACTIONS.get(action)
    if found is None:
        abort(404)
    path = _path(found.route)
    admit(found.route.who, visitor(), path)
    if request.method != "POST":
        shown = blank(found.sheet, _stored(found, path), _options(found), request.args)
        return _page(found, shown)
    try:
        answer = _do(found, path)
    except Refusal as refusal:
        # Also when a service is away: what was typed is on the page, to be sent again.
        shown = again(found.sheet, request.form, refusal, _options(found))
        return private(_page(found, shown), refusal.status)
    return _after(found, answer)


def done() -> str:
    """What was just done, in a sentence: for the page that one came back to."""
    name = request.args.get(DONE, "")
    found = ACTIONS.get(name)
    sentence = found.done if found else OTHERWISE.get(name, "")
    return _(sentence) if sentence else ""


def address(action: str, back: str, **path: str) -> str:
    """The address of an action's page, for templates."""
    return f"/faire/{action}?{urlencode({**path, BACK: back})}"


def _path(route: Route) -> dict[str, str]:
    missing = [name for name in route.path_fields if not request.values.get(name)]
    if missing:
        abort(404)
    return {name: request.values[name] for name in route.path_fields}


def _do(action: Action, path: Mapping[str, str]) -> Any:
    given = {name: request.form[name] for name in action.given if request.form.get(name)}
    patches = action.stored and action.route.method == "PATCH"
    stored = _stored(action, path) if patches else None
    typed = request_of(action.sheet, request.form, stored)
    wanted = {**typed, **action.fixed, **given, **path}
    return ask(action.route.door, wanted, _key(wanted), seen.given() if action.stored else None)


def _key(wanted: Mapping[str, Any]) -> str | None:
    """The key of this form with this content: pressed twice it is done once, and a form that
    one went back to and changed is another command."""
    form = request.form.get("form_key", "")
    content = json.dumps(wanted, sort_keys=True)
    return hashlib.sha256(f"{form}:{content}".encode()).hexdigest() if form else None


def _stored(action: Action, path: Mapping[str, str]) -> Mapping[str, Any] | None:
    if action.endpoint == "offer_premises":
        return _as_owner()
    if not action.stored:
        return None
    found: dict[str, Any] = ask(action.stored, dict(path))
    g.stored = found
    # The desk holds the marathon and its host beside its settings.
    beside = {**found["marathon"], **(found["host"] or {})} if "settings" in found else {}
    return {**beside, **found}


def _as_owner() -> dict[str, Any]:
    """Whoever asks, as the owner: most offers come from their owners."""
    person = part("registration.my_data", {}, {}).get("person", {})
    return {
        "owner": {name: person.get(name) for name in ("name", "email")},
        "ground_floor": True,
    }


def _options(action: Action) -> dict[str, tuple[tuple[str, str], ...]]:
    marathon = request.values.get("marathon", "")
    return choices.of(action.sheet.paths, marathon) if marathon else {}


def _page(action: Action, form: Form) -> str:
    kept = {name: value for name, value in request.values.items() if name in _kept(action)}
    tag = seen.tag_for(g.get("stored"), form.refusal)
    return render_template("act.html", action=action, form=form, kept=kept, seen=tag, back=_back())


def _kept(action: Action) -> tuple[str, ...]:
    return (*action.route.path_fields, *action.given, "marathon", BACK)


def _back() -> str:
    return own_path(request.values.get(BACK, ""))


def _after(action: Action, answer: Any) -> Response | Answer:
    if action.endpoint == "issue_codes":
        poll = request.values["poll"]
        return private(render_template("codes.html", batch=answer, poll=poll, back=_back()))
    if action.endpoint == "propose_allocation" and not answer["possible"]:
        return private(render_template("conflict.html", conflict=answer["conflict"], back=_back()))
    if action.endpoint == "register_project":
        return _to(f"/projets/{answer['id']}/equipe", action)
    return _to(_back(), action)


def _to(path: str, action: Action) -> Answer:
    mark = "&" if "?" in path else "?"
    return redirect(f"{path}{mark}{urlencode({DONE: action.name})}#done", 303)
