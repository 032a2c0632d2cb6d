"""Pages of those who take part: own space, teams, premises, jury, scrutineers, organisers."""

from __future__ import annotations

from flask import Blueprint, Flask

from gateway.desk import (
    acting,
    codes,
    invalidation,
    juror,
    mine,
    organiser,
    premises,
    scrutiny,
    teams,
)
from gateway.languages import gettext
from gateway.site import sign_in
from services.chassis.errors import Refusal


def install(app: Flask) -> None:
    """Adds these pages to the app."""
    blueprint = Blueprint("desk", __name__)
    everyone = (acting, mine, teams, premises, juror, scrutiny, organiser, codes, invalidation)
    for pages in everyone:
        pages.add_to(blueprint)
    blueprint.register_error_handler(Refusal, sign_in.or_refused)
    app.register_blueprint(blueprint)
    app.jinja_env.globals["act"] = acting.address
    app.jinja_env.globals["done"] = acting.done
    # Texts that are marked where they are written and translated where they are shown.
    app.jinja_env.filters["in_words"] = gettext
