"""The JSON API: one view for all rows of the table, and its OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Sequence

from flask import Flask, Response
from flask_smorest import Api, Blueprint  # type: ignore[import-untyped]

from gateway.api import document
from gateway.api.view import view_of
from gateway.routes import Route

PREFIX = "/api/v1"
TAGS = {
    "registration": "Cycles, marathons, the relay, people, projects, teams",
    "venues": "Premises and who works where",
    "voting": "The public vote",
    "jury": "The jury, prizes and the palmarès",
    "gateway": "The gateway itself",
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
    text = json.dumps(api.spec.to_dict(), ensure_ascii=False)
    app.add_url_rule(
        f"{PREFIX}/openapi.json",
        "openapi",
        lambda: Response(text, mimetype="application/json"),
    )


def _add(blueprint: Blueprint, route: Route) -> None:
    view = blueprint.doc(**document.operation(route))(view_of(route))
    blueprint.add_url_rule(
        route.path,
        endpoint=route.endpoint,
        view_func=view,
        methods=[route.method],
        parameters=document.path_parameters(route),
        tags=[route.service],
        provide_automatic_options=False,
    )
