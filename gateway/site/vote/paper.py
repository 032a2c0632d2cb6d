"""Voting with a printed code: at home, or at the town hall's tablet, one voter after another."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from gateway.api.view import visitor_name
from gateway.asking import ask
from gateway.site.gaps import part
from gateway.site.private import private
from gateway.site.vote.casting import again, cast, done, key_of
from services.chassis.errors import Refusal

KIOSK_S = 20
"""After so long the tablet is ready for the next voter, and the receipt is gone."""

LEFT_S = 60
"""After so long a voter whose ballot was refused has walked away, and leaves no choice behind."""


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/code", "any_code", any_code)
    site.add_url_rule("/votes/<poll>/code", "vote_on_paper", by_code, methods=["GET", "POST"])
    site.add_url_rule("/votes/<poll>/borne", "kiosk", kiosk, methods=["GET", "POST"])


def any_code() -> Response | Answer:
    """The short address that is printed beside a code: leads to the one vote that is open, or
    lets one choose among several."""
    polls = [poll for poll in map(_poll_of, _running()) if poll and poll["open"]]
    if len(polls) == 1:
        return redirect(url_for("site.vote_on_paper", poll=polls[0]["id"]), 303)
    return private(render_template("open_votes.html", polls=polls))


def _running() -> list[str]:
    """The marathons in which a vote may be open."""
    cycles = [cycle["id"] for cycle in ask("registration.list_cycles")]
    found = [ask("registration.get_cycle", {"cycle": cycle}) for cycle in cycles]
    return [
        marathon["id"]
        for cycle in found
        for marathon in cycle["marathons"]
        if marathon["state"] in ("running", "ended")
    ]


def _poll_of(marathon: str) -> Any:
    return part("voting.get_poll", {"marathon": marathon})


def by_code(poll: str) -> Response:
    """A code and a choice; a code that came with the address is filled in, and not used."""
    return _page(poll, kiosk=False)


def kiosk(poll: str) -> Response:
    """The same for a tablet that many use: nothing of a voter is left to the next one."""
    return _page(poll, kiosk=True)


def _page(poll: str, kiosk: bool) -> Response:
    if request.method != "POST":  # link scanners send HEAD too
        return _form(poll, kiosk)
    project, code = request.form.get("project", ""), request.form.get("code", "").strip()
    try:
        receipt = cast(poll, project, key_of(code, project), code=code)
    except Refusal as refusal:
        given = {"project": project, "code": code, "kiosk": kiosk}
        answer = again(poll, given, refusal) if refusal.status == 503 else None
        return _ends_by_itself(answer or _form(poll, kiosk, refusal), poll, kiosk, LEFT_S)
    return _ends_by_itself(done(poll, receipt, kiosk=kiosk), poll, kiosk, KIOSK_S)


def _ends_by_itself(response: Response, poll: str, kiosk: bool, seconds: int) -> Response:
    if kiosk:
        response.headers["Refresh"] = f"{seconds}; url={url_for('site.kiosk', poll=poll)}"
    return response


def _form(poll: str, kiosk: bool, refusal: Refusal | None = None) -> Response:
    # At the tablet everybody is the same visitor: there each page has an order of its own.
    order = request.form.get("order") or (g.correlation if kiosk else visitor_name())
    page = render_template(
        "vote_paper.html",
        poll=ask("voting.get_poll", {"poll": poll, "visitor": order}),
        order=order,
        kiosk=kiosk,
        code=request.values.get("code", ""),
        chosen=request.form.get("project", ""),
        refusal=refusal,
    )
    return private(page, refusal.status if refusal else 200)
