"""Taking ballots out before the count: conditions, their number, the first signature (RULES V9).

One page in two steps; what was looked at travels in it, and voting compares.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from gateway.access import Who, admit
from gateway.asking import ask, visitor
from gateway.desk.acting import DONE
from gateway.forms.error import Error
from gateway.forms.fields import read
from gateway.problems import problem_of
from gateway.site.gaps import part
from gateway.site.private import private
from services.chassis.errors import Refusal

PATH = "/bureau/marathons/<marathon>/vote/annulation"
SEEN = ("domain", "from_at", "to_at", "digest")
"""What the second step sends back as the first one showed it; the cases beside it."""


def add_to(desk: Blueprint) -> None:
    """Adds the page."""
    desk.add_url_rule(PATH, "invalidation", invalidation, methods=["GET", "POST"])


def invalidation(marathon: str) -> Answer:
    """The conditions; once they are sent, how much they concern; then the reason, signed."""
    admit(Who.ORGANISER, visitor(), {"marathon": marathon})
    poll = ask("voting.get_poll", {"marathon": marathon})["id"]
    if request.method != "POST":
        return _page(marathon, poll)
    signs = "digest" in request.form
    try:
        if signs:
            ask("voting.sign_invalidation", {"poll": poll, **_seen()})
            return redirect(
                f"{url_for('desk.vote', marathon=marathon)}?{DONE}=annulation#done", 303
            )
        return _page(marathon, poll, ask("voting.preview_invalidation", {"poll": poll, **_typed()}))
    except Refusal as refusal:
        return _page(marathon, poll, _shown_before() if signs else None, refusal)


def _page(
    marathon: str,
    poll: str,
    preview: dict[str, Any] | None = None,
    refusal: Refusal | None = None,
) -> Answer:
    cases = part("voting.list_cases", {"poll": poll}, [])
    page = render_template(
        "invalidation.html",
        marathon=ask("registration.get_marathon", {"marathon": marathon}),
        cases=[case for case in cases if case["remaining"]],
        chosen=request.values.getlist("cases"),
        preview=preview,
        refusal=refusal,
        errors=_errors(refusal),
    )
    return private(page, refusal.status if refusal else 200)


def _errors(refusal: Refusal | None) -> list[Error]:
    found = problem_of(refusal, "")["errors"] if refusal else []
    return [Error("", each["message"], "") for each in found]


def _typed() -> dict[str, Any]:
    """The conditions as they were typed; what is empty is left out."""
    typed = {
        "cases": request.form.getlist("cases"),
        "domain": request.form.get("domain", "").strip(),
        "from_at": read("instant", request.form.get("from_at", "")),
        "to_at": read("instant", request.form.get("to_at", "")),
    }
    return {name: value for name, value in typed.items() if value}


def _seen() -> dict[str, Any]:
    kept = {name: request.form.get(name) or None for name in SEEN}
    reason = request.form.get("reason", "").strip()
    return {**kept, "cases": request.form.getlist("cases"), "reason": reason}


def _shown_before() -> dict[str, Any] | None:
    """What the page showed when it was signed, to be signed again when the reason is missing."""
    try:
        numbers = {
            name: int(request.form.get(name, "")) for name in ("ballots", "voters", "pending")
        }
    except ValueError:
        return None
    return {**_seen(), **numbers}
