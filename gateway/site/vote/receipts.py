"""Receipts: saving one, taking it along from a tablet, checking it after the count (RULES V5)."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from markupsafe import Markup

from gateway.asking import ask, parts
from gateway.languages import N_
from gateway.languages import gettext as _
from gateway.site.private import private
from services.chassis.errors import Invalid, Refusal, Unavailable

RECEIPT = re.compile("[0-9a-f]{32}")


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/votes/<poll>/recu", "receipt", check, methods=["GET", "POST"])
    site.add_url_rule("/votes/<poll>/recu.txt", "save_receipt", save, methods=["POST"])


def check(poll: str) -> Response:
    """Whether a receipt is among those that were counted; in a POST, so that no browser's
    history and no proxy's log has it."""
    found = ask("voting.get_poll", {"poll": poll, "with_voters": False})
    receipt, checked, refusal = _typed(), None, None
    if request.method == "POST":
        try:
            checked = ask("voting.check_receipt", {"poll": poll, "receipt": receipt})
        except Refusal as caught:
            refusal = caught
    page = render_template(
        "receipt.html", poll=found, receipt=receipt, checked=checked, refusal=refusal
    )
    return private(page, refusal.status if refusal else 200)


def save(poll: str) -> Response:
    """A receipt as a file, made of what the page has that shows it: nothing of it is kept here.

    Raises ``Invalid("receipt_invalid")`` for what can be none.
    """
    receipt = _typed().lower()
    if not RECEIPT.fullmatch(receipt):
        raise Invalid(
            "receipt_invalid",
            N_("This is no receipt."),
            N_("A receipt has 32 digits and letters from a to f."),
        )
    response = private(_as_text(poll, _title(poll), receipt))
    response.mimetype = "text/plain"
    response.headers.set("Content-Disposition", "attachment", filename=f"recu-{poll}.txt")
    return response


def link_of(poll: str, receipt: str) -> str:
    """Where to check it; browsers keep what is behind the sign # to themselves."""
    return f"{_address(poll)}#{receipt}"


def picture_of(link: str) -> Markup:
    """A QR code as SVG, with the quiet zone that readers need."""
    # Only a gateway behind a tablet draws any: the others do without what it takes.
    import segno

    drawn = segno.make(link, error="m", micro=False)
    return Markup(drawn.svg_inline(omitsize=True, border=4))  # noqa: S704 - made of bits alone


def _address(poll: str) -> str:
    return f"{parts().settings.public_url}{url_for('site.receipt', poll=poll)}"


def _typed() -> str:
    return "".join(request.form.get("receipt", "").split())


def _title(poll: str) -> str:
    """The poll's title; empty while voting is away, for a receipt is shown only once."""
    try:
        found: dict[str, Any] = ask("voting.get_poll", {"poll": poll, "with_voters": False})
    except Unavailable:
        return ""
    return str(found["title"])


def _as_text(poll: str, title: str, receipt: str) -> str:
    address = _address(poll)
    told = (
        _("My receipt of the public vote"),
        title,
        receipt,
        _("After the count, check here that it was counted: %(address)s", address=address),
        _("It does not tell whom I voted for."),
    )
    return "".join(f"{line}\n" for line in told if line)
