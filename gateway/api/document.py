"""The OpenAPI 3.1 document, from the table of routes and the doors' schemas."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from gateway.access import Who
from gateway.problems import MEDIA_TYPE
from gateway.routes import Route

TITLE = "Incroyable Territoire"
VERSION = "1"
DESCRIPTION = """Touring creative marathons: registration, premises, public vote, jury, relay.

Instants are RFC 3339. Errors are RFC 9457 problems with a stable `code`, a sentence and a hint.
A command may carry `Idempotency-Key`: repeated with the same request it is carried out once and
answered as before; with another request it is refused (409)."""


class FieldError(Schema):
    """One field that was refused."""

    field = fields.String()
    message = fields.String()


class Problem(Schema):
    """RFC 9457, with a stable code, a hint and the errors by field."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String()
    detail = fields.String()
    hint = fields.String()
    correlation = fields.String(metadata={"description": "to give to the operator"})
    errors = fields.List(fields.Nested(FieldError))
    details = fields.Dict()


def options() -> dict[str, Any]:
    """How flask-smorest makes the document."""
    return {
        "title": TITLE,
        "version": VERSION,
        "openapi_version": "3.1.0",
        "info": {"description": DESCRIPTION},
        "marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=component_name),
    }


def component_name(schema: Any) -> str:
    """A schema's name in the document: with its service's, for several have a ``Page``."""
    if hasattr(schema, "component"):
        return str(schema.component)
    kind = schema if isinstance(schema, type) else type(schema)
    parts = kind.__module__.split(".")
    prefix = parts[1].capitalize() if parts[0] == "services" else ""
    return prefix + kind.__name__.strip("_")


def describe(spec: APISpec) -> None:
    """Adds what all operations share."""
    content = {MEDIA_TYPE: {"schema": Problem}}
    spec.components.response("Problem", {"description": "A problem", "content": content})
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme(
        "session", {"type": "apiKey", "in": "cookie", "name": "session"}
    )
    spec.components.parameter(
        "IdempotencyKey",
        "header",
        {
            "name": "Idempotency-Key",
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
            "description": "The same key and request are carried out once",
        },
    )


def operation(route: Route) -> dict[str, Any]:
    """One row of the table as an OpenAPI operation."""
    described: dict[str, Any] = {
        "operationId": route.endpoint,
        "summary": route.summary,
        "description": f"For {route.who.value}.",
        "parameters": _parameters(route),
        "responses": _responses(route),
        "security": _security(route),
    }
    if route.given is not None and not route.reads:
        described["requestBody"] = {
            "required": any(field.required for field in route.given.fields.values()),
            "content": {"application/json": {"schema": route.given}},
        }
    return described


def path_parameters(route: Route) -> list[dict[str, Any]]:
    """The parts of the path."""
    schema = {"type": "string", "minLength": 1, "maxLength": 128}
    return [
        {"in": "path", "name": name, "required": True, "schema": schema}
        for name in route.path_fields
    ]


def _parameters(route: Route) -> list[Any]:
    if not route.reads:
        return ["IdempotencyKey"]
    return [] if route.given is None else [{"in": "query", "schema": route.given}]


def _responses(route: Route) -> dict[str, Any]:
    gives = route.messages.gives
    answer: dict[str, Any] = {"description": route.summary}
    schema: Any = {} if gives is None else gives(many=True) if route.messages.many else gives
    answer["content"] = {"application/json": {"schema": schema}}
    return {str(route.status): answer, **{str(status): "Problem" for status in statuses(route)}}


def statuses(route: Route) -> list[int]:
    """The errors that a route may answer with."""
    found = {422, 500, 503}
    if route.who is not Who.ANYONE:
        found |= {401, 403}
    if route.path_fields:
        found |= {403, 404}
    if not route.reads:
        found |= {400, 401, 403, 404, 409, 413, 415, 429}
    return sorted(found | ({401} if route.who is Who.ANYONE else set()))


def _security(route: Route) -> list[dict[str, list[str]]]:
    known: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]
    return [{}, *known] if route.who is Who.ANYONE else known
