"""Asking for a ballot from a project's page: an address and a commune, then look at the mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, render_template, request

from gateway.api.view import client_ip, visitor_name
from gateway.asking import ask
from gateway.forms.error import Error
from gateway.languages import N_, language
from gateway.languages import gettext as _
from gateway.site import communes
from gateway.site.private import private
from gateway.site.vote.casting import code_page
from services.chassis.errors import Invalid, Refusal


def add_to(site: Blueprint) -> None:
    """Adds this page."""
    site.add_url_rule("/projets/<project>/voter", "vote", vote, methods=["GET", "POST"])


def vote(project: str) -> Response:
    """The form; a POST mails a link and a code, and asks for the code (RULES S2)."""
    found = ask("registration.get_project", {"project": project})
    wanted = {"marathon": found["marathon"], "visitor": visitor_name(), "with_voters": False}
    poll = ask("voting.get_poll", wanted)
    if request.method != "POST":  # link scanners send HEAD too
        return _form(found, poll)
    try:
        _request(poll, project, request.form)
    except Refusal as refusal:
        return _form(found, poll, refusal)
    form = {"poll": poll["id"], "project": project, "email": request.form.get("email", "").strip()}
    return code_page(form, found, poll)


def _request(poll: Mapping[str, Any], project: str, typed: Mapping[str, str]) -> None:
    commune = communes.code_of(typed.get("commune", ""))
    if commune is None:
        raise Invalid("commune_unknown", N_("This commune is not on the list."))
    wanted = {
        "poll": poll["id"],
        "email": typed.get("email", "").strip(),
        "commune": commune,
        "project": project,
        "ip": client_ip(),
        "language": language(),
    }
    ask("voting.request_ballot", wanted)


def _form(project: Any, poll: Any, refusal: Refusal | None = None) -> Response:
    others = [each for each in poll["candidates"] if each["id"] != project["id"]]
    page = render_template(
        "vote.html",
        project=project,
        poll=poll,
        others=others,
        has_left=len(others) == len(poll["candidates"]),
        communes=communes.labels(),
        elsewhere=communes.elsewhere(),
        refusal=refusal,
        errors=_errors(refusal) if refusal else [],
    )
    return private(page, refusal.status if refusal else 200)


def _errors(refusal: Refusal) -> list[Error]:
    """What is wrong with which of the two fields."""
    if refusal.code in ("commune_unknown", "elsewhere_may_not_vote"):
        close = communes.close_to(request.form.get("commune", ""))
        hint = _("Did you mean: %(names)s?", names=", ".join(close)) if close else ""
        message = hint or _("Type its name and choose it from the list.")
        return [Error(_("Your commune"), message, "commune")]
    if refusal.code == "email_invalid" or "email" in refusal.details.get("errors", {}):
        return [Error(_("Your e-mail address"), _("Write it as name@example.org."), "email")]
    return []
