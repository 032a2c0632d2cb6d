"""The sheets of printed codes: made of the codes that the page before showed, and kept nowhere."""

from __future__ import annotations

import base64
import re

from flask import Blueprint, Response, abort, request, url_for

from gateway.access import Who, admit
from gateway.asking import ask, parts, visitor
from gateway.languages import gettext as _
from services.chassis import offload

# By name: what draws it takes 30 MB, in a child process alone (docs/adr/0006).
WORKER = "gateway.desk.code_sheets:make"
MOST = 2000
SHEETS_S = 60
"""Longest that making the sheets may take; two thousand codes took 10 s."""
CODE = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2}")


def add_to(desk: Blueprint) -> None:
    """Adds the file."""
    desk.add_url_rule("/bureau/votes/<poll>/codes.pdf", "code_sheets", sheets, methods=["POST"])


def sheets(poll: str) -> Response:
    """The PDF of these codes, for an organiser of the poll's marathon."""
    found = ask("voting.get_poll", {"poll": poll})
    admit(Who.ORGANISER, visitor(), {"marathon": found["marathon"]})
    codes = request.form.get("codes", "").split()
    if not codes or len(codes) > MOST or not all(map(CODE.fullmatch, codes)):
        abort(400)
    here = parts().settings.public_url
    payload = {
        "title": found["title"],
        "place": request.form.get("place", "")[:200],
        "invitation": _(
            "Vote for the public prize: scan this picture, or type your code on the page below. "
            "Good for one vote."
        ),
        "address": here + url_for("site.any_code"),
        "link": here + url_for("site.vote_on_paper", poll=poll),
        "codes": codes,
    }
    file = base64.b64decode(offload.run(WORKER, payload, SHEETS_S))
    response = Response(file, mimetype="application/pdf")
    response.headers["Content-Disposition"] = 'attachment; filename="codes.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response
