"""The JSON API: one view for all rows of the table, and its OpenAPI document."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

from flask import Flask, Response
from flask_smorest import Api, Blueprint  # type: ignore[import-untyped]

from gateway.api import conditions, csv, document
from gateway.api.view import view_of
from gateway.languages import N_
from gateway.routes import Route
from gateway.site import reference
from services.chassis.representation import etag_of

PREFIX = "/api/v1"
TAGS = {
    "registration": N_("Cycles, marathons, the relay, people, projects, teams"),
    "venues": N_("Premises and who works where"),
    "voting": N_("The public vote"),
    "jury": N_("The jury, prizes and the palmarès"),
    "gateway": N_("The gateway itself"),
}


class QuietApi(Api):  # type: ignore[misc]  # flask-smorest has no types
    """flask-smorest without its own error handlers: every error here is a problem."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        return


def install(app: Flask, routes: Sequence[Route]) -> None:
    """Adds every row of the table to the app, and ``/api/v1/openapi.json``."""
    api = QuietApi(app, spec_kwargs=document.options())
    document.describe(api.spec)
    for tag, description in TAGS.items():
        blueprint = Blueprint(f"api-{tag}", __name__, url_prefix=PREFIX, description=description)
        for route in routes:
            if route.service == tag:
                _add(blueprint, route)
        api.register_blueprint(blueprint)
    # Made once: it is the same for everybody, and takes a while.
    described = api.spec.to_dict()
    reference.install(app, PREFIX, TAGS, routes, described)
    text = json.dumps(described, ensure_ascii=False)
    view = functools.partial(_document, text, etag_of(described))
    app.add_url_rule(f"{PREFIX}/openapi.json", "openapi", view)


def _document(text: str, tag: str) -> Response:
    """The document: the same for everybody until the next release."""
    response = Response(text, mimetype="application/json")
    response.headers["Cache-Control"] = "public, no-cache"
    return conditions.answer(response, tag)


def _add(blueprint: Blueprint, route: Route) -> None:
    _rule(blueprint, route, "", "", document.operation(route))
    if route.tabular:
        # The same row of the table, the same view: what may be seen is the same.
        _rule(blueprint, route, csv.ENDING, "_csv", document.file_operation(route))


def _rule(
    blueprint: Blueprint, route: Route, ending: str, suffix: str, described: dict[str, Any]
) -> None:
    blueprint.add_url_rule(
        route.path + ending,
        endpoint=route.endpoint + suffix,
        view_func=blueprint.doc(**described)(view_of(route)),
        methods=[route.method],
        parameters=document.path_parameters(route),
        tags=[route.service],
        provide_automatic_options=False,
    )
