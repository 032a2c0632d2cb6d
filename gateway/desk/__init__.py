"""Pages of those who take part: own space, teams, premises, jury, scrutineers, organisers."""

from __future__ import annotations

from flask import Blueprint, Flask

from gateway.desk import (
    acting,
    closing,
    codes,
    invalidation,
    juror,
    mine,
    organiser,
    partners,
    premises,
    relay,
    scrutiny,
    teams,
)
from gateway.forms import labels
from gateway.languages import gettext
from gateway.site import sign_in
from services.chassis.errors import Refusal


def install(app: Flask) -> None:
    """Adds these pages to the app."""
    blueprint = Blueprint("desk", __name__)
    for pages in (
        acting,
        mine,
        teams,
        premises,
        juror,
        scrutiny,
        organiser,
        closing,
        relay,
        codes,
        invalidation,
    ):
        pages.add_to(blueprint)
    blueprint.register_error_handler(Refusal, sign_in.or_refused)
    app.register_blueprint(blueprint)
    app.jinja_env.globals["act"] = acting.address
    app.jinja_env.globals["done"] = acting.done
    # Texts that are marked where they are written and translated where they are shown.
    app.jinja_env.filters["in_words"] = gettext
    app.jinja_env.filters["choice_words"] = labels.choice
    app.jinja_env.filters["partner_title"] = partners.title_of
