"""Signing in by a mailed link or code (RULES S1), signing out, choosing a language.

Opening a link never uses it up, a button does: mail scanners open every link.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import (
    Blueprint,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as Answer

from gateway import problems
from gateway.api.view import client_ip
from gateway.asking import ask, parts, visitor
from gateway.languages import LANGUAGES, language
from gateway.languages import gettext as _
from gateway.site.own_path import own_path
from gateway.site.private import private
from services.chassis.errors import Refusal, Unavailable


def add_to(site: Blueprint) -> None:
    """Adds these pages."""
    site.add_url_rule("/connexion", "sign_in", sign_in, methods=["GET", "POST"])
    site.add_url_rule("/connexion/code", "sign_in_code", sign_in_code, methods=["POST"])
    site.add_url_rule("/connexion/lien", "sign_in_link", sign_in_link, methods=["GET", "POST"])
    site.add_url_rule("/deconnexion", "sign_out", sign_out, methods=["POST"])
    site.add_url_rule("/langue", "choose_language", choose_language, methods=["POST"])


def sign_in() -> Answer | str:
    """Asks for an address; then, whoever it is, for the code that was mailed (RULES S2)."""
    if request.method != "POST":  # link scanners send HEAD too
        if "retour" in request.args:
            session["next"] = own_path(request.args["retour"])
        return render_template("sign_in.html", accounts=_accounts())
    email = request.form.get("email", "")
    try:
        asked = {"email": email, "ip": client_ip(), "language": language()}
        ask("registration.request_sign_in", asked)
    except Refusal as refusal:
        return _again("sign_in.html", refusal, email=email, accounts=_accounts())
    return render_template("sign_in_code.html", email=email)


def sign_in_code() -> Answer:
    """Exchanges the mailed code for a session."""
    email, code = request.form.get("email", ""), request.form.get("code", "")
    proof = {"email": email, "code": "".join(code.split())}
    return _enter(proof, "sign_in_code.html", email=email)


def sign_in_link() -> Answer | str:
    """Shows the button that uses the mailed link up, and uses it."""
    token = request.values.get("token", "")
    if request.method != "POST":  # link scanners send HEAD too
        return private(render_template("sign_in_link.html", token=token))
    return _enter({"token": token}, "sign_in.html", email="", accounts=_accounts())


def sign_out() -> Answer:
    """Ends the session here and at registration."""
    secret = session.pop("session", None)
    if secret is not None:
        credential = visitor().credential
        if credential is not None:
            parts().identity.forget(credential)
        try:
            ask("registration.sign_out", {"session": secret})
        except Unavailable:
            raise
        except Refusal:
            pass  # it had ended already
    return redirect(url_for("site.home"), 303)


def or_refused(refusal: Refusal) -> Answer:
    """The answer to a refusal on a page: who is unknown signs in, and comes back to the page."""
    if refusal.status != 401 or request.method != "GET":
        return problems.answer(refusal)
    here = request.full_path if request.query_string else request.path
    return redirect(url_for("site.sign_in", retour=here), 303)


def choose_language() -> Answer:
    """Keeps the chosen language in the session's cookie, and goes back."""
    chosen = request.form.get("language")
    if chosen in LANGUAGES:
        session["language"] = chosen
        _tell_registration(chosen)
    return redirect(own_path(request.form.get("next", "")), 303)


def _tell_registration(chosen: str) -> None:
    """Letters follow the language of the pages; the pages don't wait for them."""
    if visitor().is_person:
        # When registration can't be told, letters stay in the language they had.
        with suppress(Refusal):
            ask("registration.set_language", {"language": chosen})


def _accounts() -> list[dict[str, str]]:
    """The demonstration's accounts; nowhere else is there an account for everybody."""
    settings = parts().settings
    words = {
        "organiser": _("Organiser"),
        "juror": _("Juror"),
        "coach": _("Coach"),
        "project holder": _("Project holder"),
        "team member": _("Team member"),
        "owner": _("Owner of premises"),
        "resident": _("Resident"),
    }
    listed = settings.demo_accounts if settings.demo else ()
    return [{"role": words.get(role, role), "email": email} for role, email in listed]


def _enter(proof: dict[str, str], template: str, **values: Any) -> Answer:
    try:
        answer = ask("registration.sign_in", proof)
    except Unavailable:
        raise
    except Refusal as refusal:
        return _again(template, refusal, **values)
    return redirect(_begin(answer["session"]), 303)


def _begin(secret: str) -> str:
    """Begins a session in a fresh cookie, of which only the language stays; answers where one
    wanted to go."""
    language, wanted = session.get("language"), session.get("next", "")
    session.clear()
    session.permanent = True
    session["session"] = secret
    if language:
        session["language"] = language
    return own_path(wanted) if wanted else url_for("desk.mine")


def _again(template: str, refusal: Refusal, **values: Any) -> Answer:
    if isinstance(refusal, Unavailable):
        raise refusal
    return make_response(render_template(template, refusal=refusal, **values), refusal.status)
