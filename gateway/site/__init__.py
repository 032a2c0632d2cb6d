"""The pages: server-rendered, French first, whole without JavaScript."""

from __future__ import annotations

from flask import Blueprint, Flask, current_app, g

from gateway.asking import parts, visitor
from gateway.languages import gettext, language, ngettext
from gateway.site import (
    cycles,
    legal,
    mails,
    marathons,
    my_data,
    operators,
    projects,
    sign_in,
    vote,
    words,
)
from gateway.site.gaps import away
from services.chassis.errors import Refusal

ATTRIBUTION = (
    "Découpage administratif : Etalab / DGCL / INSEE ; contours : IGN ADMIN EXPRESS"
    " — Licence Ouverte 2.0"
)


def install(app: Flask, with_mails: bool) -> None:
    """Adds all pages to the app; the one of the mails only where everybody may read them."""
    blueprint = Blueprint("site", __name__)
    for pages in (cycles, marathons, projects, sign_in, vote, my_data, legal):
        pages.add_to(blueprint)
    if with_mails:
        mails.add_to(blueprint)
    blueprint.register_error_handler(Refusal, sign_in.or_refused)
    app.register_blueprint(blueprint)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(words.FILTERS)
    app.jinja_env.filters["operator_elsewhere"] = operators.elsewhere
    app.context_processor(_shared)


def _shared() -> dict[str, object]:
    """What every page may show."""
    return {
        "language": language(),
        "visitor": visitor(),
        "attribution": ATTRIBUTION,
        # Such a page is the same for everybody, so nothing of one visitor's address is in it.
        "is_public": g.get("is_public", False),
        "is_over": words.is_over,
        "is_closed": words.is_closed,
        "branding": current_app.extensions["branding"],
        "legal_status": legal.told().accessibility.status,
        # A template is rendered when everything was asked.
        "away": away(),
        "demo": parts().settings.demo,
        "with_mails": parts().mailbox is not None,
    }
