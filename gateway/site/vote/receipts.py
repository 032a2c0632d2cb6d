"""Checking a receipt after the count (RULES V5)."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from gateway.asking import ask
from gateway.site.private import private
from services.chassis.errors import Refusal


def add_to(site: Blueprint) -> None:
    """Adds this page."""
    site.add_url_rule("/votes/<poll>/recu", "receipt", check, methods=["GET", "POST"])


def check(poll: str) -> Response:
    """Whether a receipt is among those that were counted; in a POST, so that no browser's
    history and no proxy's log has it."""
    found = ask("voting.get_poll", {"poll": poll})
    receipt, checked, refusal = "".join(request.form.get("receipt", "").split()), None, None
    if request.method == "POST":
        try:
            checked = ask("voting.check_receipt", {"poll": poll, "receipt": receipt})
        except Refusal as caught:
            refusal = caught
    page = render_template(
        "receipt.html", poll=found, receipt=receipt, checked=checked, refusal=refusal
    )
    return private(page, refusal.status if refusal else 200)
