"""Confirming a vote from the mailed link: opening it changes nothing, the button votes."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from gateway.asking import ask
from gateway.site.gaps import part
from gateway.site.private import private
from services.chassis.errors import Refusal, Unavailable


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/vote/confirm", "confirm_vote", confirm, methods=["GET", "POST"])


def confirm() -> Response:
    """Shows the button; then exchanges the link for a pass and casts the ballot with it."""
    poll, token = request.values.get("poll", ""), request.values.get("token", "")
    found = part("voting.get_poll", {"poll": poll}) if poll else None
    shown = {"poll": found, "poll_id": poll, "token": token}
    if request.method != "POST":  # link scanners send HEAD too
        return private(render_template("vote_confirm.html", **shown))
    try:
        given = ask("voting.exchange_proof", {"poll": poll, "token": token})
        receipt = _cast(poll, given)
    except Unavailable:
        raise
    except Refusal as refusal:
        page = render_template("vote_confirm.html", refusal=refusal, **shown)
        return private(page, refusal.status)
    return private(render_template("vote_done.html", receipt=receipt, poll=found))


def _cast(poll: str, given: dict[str, str | None]) -> dict[str, str]:
    if given["project"] is None:
        raise Refusal("project_not_votable", "Ce projet ne participe plus au vote.")
    ballot = {"poll": poll, "project": given["project"], "pass": given["pass"]}
    answer: dict[str, str] = ask("voting.cast", ballot)
    return answer
