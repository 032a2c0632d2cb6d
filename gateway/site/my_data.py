"""My data: all that is held on me, my consents, signing out everywhere, erasing me (D2, D3)."""

from __future__ import annotations

import json

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from gateway import own
from gateway.access import Who, admit
from gateway.asking import ask, parts, visitor
from gateway.languages import gettext as _
from gateway.site import held_words
from gateway.site.private import private

FILE = "mes-donnees.json"
SAVED = "consentements"


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/moi/donnees", "my_data", page)
    site.add_url_rule(f"/moi/{FILE}", "my_data_file", download)
    site.add_url_rule("/moi/consentements", "set_consents", set_consents, methods=["POST"])
    site.add_url_rule("/moi/deconnexion", "sign_out_all", sign_out_all, methods=["POST"])
    site.add_url_rule("/moi/effacement", "erase_me", erase_me, methods=["POST"])
    site.add_url_rule("/moi/efface", "erased", erased)


def page() -> Response:
    """Everything on one page."""
    admit(Who.PERSON, visitor(), {})
    return _page()


def download() -> Response:
    """The same as a file that programs can read."""
    admit(Who.PERSON, visitor(), {})
    found = json.dumps(own.answer("my_data", {}), ensure_ascii=False, indent=2)
    response = Response(found, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE}"'
    return response


def set_consents() -> Answer:
    """Keeps the form's ticks: what is not ticked is withdrawn."""
    admit(Who.PERSON, visitor(), {})
    wanted = {kind: kind in request.form for kind in held_words.consents()}
    ask("registration.set_consents", wanted)
    return redirect(url_for("site.my_data", fait=SAVED), 303)


def sign_out_all() -> Answer:
    """Ends all sessions of the visitor, this one too."""
    admit(Who.PERSON, visitor(), {})
    credential = visitor().credential
    if credential is not None:
        ask("registration.sign_out", {"session": credential.secret, "everywhere": True})
    _forget_visitor()
    return redirect(url_for("site.home"), 303)


def erase_me() -> Answer:
    """Erases the visitor, who typed the word that says so."""
    admit(Who.PERSON, visitor(), {})
    if request.form.get("word", "").strip().casefold() != _word().casefold():
        return _page(422, wrong_word=True)
    ask("registration.erase_person")
    _forget_visitor()
    return redirect(url_for("site.erased"), 303)


def erased() -> str:
    """What happened, for who is nobody here any more."""
    return render_template("erased.html")


def _page(status: int = 200, wrong_word: bool = False) -> Response:
    found = own.answer("my_data", {})
    lines = ask("registration.get_consents") if found["registration"] is not None else None
    made = render_template(
        "my_data.html",
        found=found,
        services=held_words.services(found),
        missing=[held_words.service(name) for name in found["missing"]],
        consents=lines,
        consent_words=held_words.consents(),
        word=_word(),
        wrong_word=wrong_word,
        saved=request.args.get("fait") == SAVED,
    )
    return private(made, status)


def _word() -> str:
    return _("ERASE")


def _forget_visitor() -> None:
    """Nobody is signed in here any more; the chosen language stays (RULES S4)."""
    key = visitor().actor.key
    if key is not None:
        parts().identity.forget_person(key)
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
