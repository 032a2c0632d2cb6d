"""Voting with a printed code: at home, or at the town hall's tablet, one voter after another."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from gateway.api.view import visitor_name
from gateway.asking import ask
from gateway.site.private import private
from gateway.site.vote.attempts import FIELD, attempt, key_of
from gateway.site.vote.casting import again, cast, done
from gateway.site.vote.open_votes import open_votes
from services.chassis.errors import Refusal, Unavailable

FRESH_S = 180
"""After so long who began at the tablet and walked away leaves no choice behind."""

LEFT_S = 60
"""The same for who was refused."""

NEXT_S = 20
"""After so long the tablet is ready for the next voter, and the receipt is gone."""

SHUT_S = 30
"""So often a tablet looks whether the vote is open, so that nobody has to open it by hand."""

AWAY_S = 10
"""So often it tries again while the vote can't be reached."""


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/code", "any_code", any_code)
    site.add_url_rule("/votes/<poll>/code", "vote_on_paper", by_code, methods=["GET", "POST"])
    site.add_url_rule("/votes/<poll>/borne", "kiosk", kiosk, methods=["GET", "POST"])


def any_code() -> Response | Answer:
    """The short address that is printed beside a code: leads to the one vote that is open, or
    lets one choose among several."""
    polls = open_votes()
    if len(polls) == 1:
        return redirect(url_for("site.vote_on_paper", poll=polls[0]["id"]), 303)
    return private(render_template("open_votes.html", polls=polls))


def by_code(poll: str) -> Response:
    """A code and a choice; a code that came with the address is filled in, and not used."""
    return _page(poll, kiosk=False)


def kiosk(poll: str) -> Response:
    """The same for a tablet that many use: nothing of a voter is left to the next one, and it
    comes back by itself from whatever it shows."""
    try:
        return _page(poll, kiosk=True)
    except Unavailable as refusal:
        page = private(render_template("vote_away.html"), refusal.status)
        return _ends_by_itself(page, poll, AWAY_S)


def _page(poll: str, kiosk: bool) -> Response:
    if request.method != "POST":  # link scanners send HEAD too
        return _form(poll, kiosk)
    typed = {name: request.form.get(name, "").strip() for name in ("project", "code")}
    try:
        # Once more from the same page only: whoever else knows the code learns nothing by it.
        receipt = cast(poll, key=key_of(typed["project"]), **typed)
    except Refusal as refusal:
        if refusal.status != 503:
            return _form(poll, kiosk, refusal)
        kept = {name: request.form.get(name, "") for name in (FIELD, "order")}
        page, seconds = again(poll, {**kept, **typed, "kiosk": kiosk}, refusal), LEFT_S
    else:
        page, seconds = done(poll, receipt, kiosk_s=NEXT_S if kiosk else 0), NEXT_S
    return _ends_by_itself(page, poll, seconds) if kiosk else page


def _form(poll: str, kiosk: bool, refusal: Refusal | None = None) -> Response:
    # At the tablet everybody is the same visitor: there each page has an order of its own.
    order = request.form.get("order") or (g.correlation if kiosk else visitor_name())
    found = ask("voting.get_poll", {"poll": poll, "visitor": order, "with_voters": False})
    seconds = _seconds(found, refusal)
    page = render_template(
        "vote_paper.html",
        poll=found,
        order=order,
        attempt=attempt(),
        kiosk=kiosk,
        seconds=seconds,
        code=request.values.get("code", ""),
        chosen=request.form.get("project", ""),
        refusal=refusal,
    )
    answer = private(page, refusal.status if refusal else 200)
    return _ends_by_itself(answer, poll, seconds) if kiosk else answer


def _seconds(poll: Any, refusal: Refusal | None) -> int:
    """How long a tablet shows the form, or that there is none."""
    if not poll["open"]:
        return SHUT_S
    return LEFT_S if refusal else FRESH_S


def _ends_by_itself(response: Response, poll: str, seconds: int) -> Response:
    response.headers["Refresh"] = f"{seconds}; url={url_for('site.kiosk', poll=poll)}"
    return response
