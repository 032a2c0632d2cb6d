"""Confirming a vote by the mailed link or code, and changing it: a button votes, no link does.

A link or code is exchanged under a key of its own: who presses the button again after an answer
that was lost is given the same pass. A code can be guessed, so its key has a part that only the
page knows on which it was typed: else who tries all codes would be given the pass of a used one.
A ballot with a pass has no key, for the last one counts: who votes for another project and then
for the first one again has voted three times.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, render_template, request

from gateway.api.view import client_ip
from gateway.asking import ask
from gateway.site.gaps import part
from gateway.site.private import private
from services.chassis.errors import Refusal, Unavailable


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/vote/confirm", "confirm_vote", confirm, methods=["GET", "POST"])
    site.add_url_rule("/vote/code", "vote_by_code", by_code, methods=["POST"])
    site.add_url_rule("/vote/changer", "change_vote", change, methods=["POST"])


def confirm() -> Response:
    """The mailed link: shows the button; then exchanges the link for a pass and votes with it."""
    proof = {name: request.values.get(name, "") for name in ("poll", "token")}
    if request.method != "POST":  # link scanners send HEAD too
        return _confirmation(proof)
    key = key_of(*proof.values())
    return _prove_and_vote(proof, key, lambda refusal: _confirmation(proof, refusal))


def by_code() -> Response:
    """The mailed code, typed on the page on which one asked for it."""
    proof = {name: request.form.get(name, "").strip() for name in ("poll", "email")}
    proof["code"] = "".join(request.form.get("code", "").split())
    attempt = request.form.get("attempt", "")
    key = key_of(*proof.values(), attempt) if attempt else None
    project = part("registration.get_project", {"project": request.form.get("project", "")})
    return _prove_and_vote(
        *(proof, key),
        lambda refusal: code_page(project, _poll(proof["poll"]), proof["email"], refusal),
    )


def change() -> Response:
    """Another project, with the pass that the page before had."""
    given = {name: request.form.get(name, "") for name in ("pass", "project")}
    return _vote(request.form.get("poll", ""), given)


def cast(poll: str, project: str, key: str | None = None, **proof: str) -> dict[str, Any]:
    """Casts a ballot; the receipt. Raises what the service refuses with."""
    request = {"poll": poll, "project": project, "ip": client_ip(), **proof}
    receipt: dict[str, Any] = ask("voting.cast", request, key)
    return receipt


def key_of(*parts: str) -> str:
    """An idempotency key that tells nothing of what it is made of."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def code_page(project: Any, poll: Any, email: str, refusal: Refusal | None = None) -> Response:
    """The page that asks for the mailed code."""
    page = render_template(
        "vote_code.html",
        project=project,
        poll=poll,
        email=email,
        attempt=secrets.token_urlsafe(16),
        refusal=refusal,
    )
    return private(page, refusal.status if refusal else 200)


def done(poll: str, receipt: Mapping[str, Any], pass_: str = "", kiosk: bool = False) -> Response:
    """The receipt, shown this once; with a pass also the way to another project."""
    page = render_template(
        "vote_done.html", receipt=receipt, poll=_poll(poll), given={"pass": pass_}, kiosk=kiosk
    )
    return private(page)


def again(poll: str, given: Mapping[str, Any], refusal: Refusal) -> Response:
    """Not confirmed: what was ``given`` is on the page, to vote again."""
    page = render_template(
        "vote_again.html", poll=_poll(poll), poll_id=poll, given=given, refusal=refusal
    )
    return private(page, refusal.status)


def _prove_and_vote(
    proof: Mapping[str, str], key: str | None, refused: Callable[[Refusal], Response]
) -> Response:
    try:
        given = ask("voting.exchange_proof", dict(proof), key)
    except Refusal as refusal:
        return refused(refusal)
    # The choice is in the form that one saw: the exchange does not tell it.
    return _vote(proof["poll"], {**given, "project": request.form.get("project", "")})


def _vote(poll: str, given: Mapping[str, Any]) -> Response:
    """Votes with a pass; where that fails the pass is on the page, to vote again."""
    try:
        if not given["project"]:
            raise Refusal("project_not_votable", "Ce projet ne participe plus au vote.")
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
        "vote_confirm.html", poll=_poll(proof["poll"]), proof=proof, wanted=wanted, refusal=refusal
    )
    return private(page, refusal.status if refusal else 200)


def _poll(poll: str) -> Any:
    return part("voting.get_poll", {"poll": poll}) if poll else None
