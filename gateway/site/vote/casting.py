"""Confirming a vote by the mailed link or code, and changing it: a button votes, no link does.

A link or code is exchanged under a key of its own: who presses the button again after an answer
that was lost is given the same pass. The key has a part that only the page knows on which it was
pressed (``attempts``): a link works once, wherever else it is opened, and who tries all codes is
not given the pass of a used one.
A ballot with a pass has no key, for the last one counts: who votes for another project and then
for the first one again has voted three times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, render_template, request

from gateway.api.view import client_ip, visitor_name
from gateway.asking import ask
from gateway.languages import N_
from gateway.site.gaps import part
from gateway.site.private import private
from gateway.site.vote import receipts, shown_once
from gateway.site.vote.attempts import attempt, key_of
from services.chassis.errors import Refusal, Unavailable

CODE_FORM = ("poll", "project", "email")
"""What the page of the mailed code carries along, whatever service is away meanwhile."""


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    for path, name, view in (
        ("/vote/confirm", "confirm_vote", confirm),
        ("/vote/code", "vote_by_code", by_code),
        ("/vote/changer", "change_vote", change),
    ):
        site.add_url_rule(path, name, view, methods=["GET", "POST"])


def confirm() -> Response:
    """The mailed link: shows the button; then exchanges the link for a pass and votes with it."""
    proof = {name: request.values.get(name, "") for name in ("poll", "token")}
    if request.method != "POST":  # link scanners send HEAD too
        return _confirmation(proof) if proof["token"] else shown_once.page()
    return _prove_and_vote(proof, lambda refusal: _confirmation(proof, refusal))


def by_code() -> Response:
    """The mailed code, typed on the page on which one asked for it."""
    if request.method != "POST":
        return shown_once.page()
    form = {name: request.form.get(name, "").strip() for name in CODE_FORM}
    code = "".join(request.form.get("code", "").split())
    proof = {"poll": form["poll"], "email": form["email"], "code": code}
    return _prove_and_vote(
        proof,
        lambda refusal: code_page(form, _project(form["project"]), _poll(form["poll"]), refusal),
    )


def change() -> Response:
    """Another project, with the pass that the page before had."""
    if request.method != "POST":
        return shown_once.page()
    given = {name: request.form.get(name, "") for name in ("pass", "project", "again")}
    return _vote(request.form.get("poll", ""), given)


def cast(poll: str, project: str, key: str | None = None, **proof: str) -> dict[str, Any]:
    """Casts a ballot; the receipt. Raises what the service refuses with."""
    request = {"poll": poll, "project": project, "ip": client_ip(), **proof}
    receipt: dict[str, Any] = ask("voting.cast", request, key)
    return receipt


def code_page(
    form: Mapping[str, str], project: Any, poll: Any, refusal: Refusal | None = None
) -> Response:
    """The page that asks for the mailed code; ``form`` is what it carries along."""
    page = render_template(
        "vote_code.html", form=form, project=project, poll=poll, attempt=attempt(), refusal=refusal
    )
    return private(page, refusal.status if refusal else 200)


def done(poll: str, receipt: Mapping[str, Any], pass_: str = "", kiosk_s: int = 0) -> Response:
    """The receipt, shown this once; with a pass also the way to another project. At a tablet it
    is shown for ``kiosk_s`` seconds."""
    page = render_template(
        "vote_done.html",
        poll_id=poll,
        poll=_poll(poll),
        receipt=receipt,
        given={"pass": pass_, "again": "1"},
        picture=receipts.picture_of(receipts.link_of(poll, receipt["receipt"])) if kiosk_s else "",
        kiosk=kiosk_s,
    )
    return private(page)


def again(poll: str, given: Mapping[str, Any], refusal: Refusal) -> Response:
    """Not confirmed: what was ``given`` is on the page, to vote again."""
    page = render_template(
        "vote_again.html", poll=_poll(poll), poll_id=poll, given=given, refusal=refusal
    )
    return private(page, refusal.status)


def _prove_and_vote(proof: Mapping[str, str], refused: Callable[[Refusal], Response]) -> Response:
    try:
        given = ask("voting.exchange_proof", dict(proof), key_of(*proof.values()))
    except Refusal as refusal:
        return refused(refusal)
    # The choice is in the form that one saw: the exchange does not tell it.
    return _vote(proof["poll"], {**given, "project": request.form.get("project", "")})


def _vote(poll: str, given: Mapping[str, Any]) -> Response:
    """Votes with a pass; where that fails the pass is on the page, to vote again."""
    try:
        if not given["project"]:
            raise Refusal(
                "project_not_votable", N_("The project that you chose has left the vote.")
            )
        receipt = cast(poll, given["project"], **{"pass": given["pass"]})
    except Refusal as refusal:
        return again(poll, given, refusal)
    return done(poll, receipt, given["pass"])


def _confirmation(proof: dict[str, str], refusal: Refusal | None = None) -> Response:
    wanted = None
    if refusal is None:
        try:
            wanted = ask("voting.look_at_proof", proof)
        except Unavailable:
            raise
        except Refusal as caught:
            refusal = caught
    page = render_template(
        "vote_confirm.html",
        poll=_poll(proof["poll"]),
        proof=proof,
        attempt=attempt(),
        wanted=wanted,
        refusal=refusal,
    )
    return private(page, refusal.status if refusal else 200)


def _poll(poll: str) -> Any:
    """The poll with the candidates in the visitor's order (RULES V6)."""
    asked = {"poll": poll, "visitor": visitor_name(), "with_voters": False}
    return part("voting.get_poll", asked) if poll else None


def _project(project: str) -> Any:
    return part("registration.get_project", {"project": project}) if project else None
