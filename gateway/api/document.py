"""The OpenAPI 3.1 document, from the table of routes and the doors' schemas."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from gateway.access import Who
from gateway.problems import MEDIA_TYPE
from gateway.routes import Route
from gateway.routes.row import camel

TITLE = "Incroyable Territoire"
VERSION = "1"
DESCRIPTION = """Touring creative marathons: registration, premises, public vote, jury, relay.

Instants are RFC 3339. Errors are RFC 9457 problems with a stable `code`, a sentence and a hint.
A command may carry `Idempotency-Key`: repeated with the same request it is carried out once and
answered as before; with another request it is refused (409). An edit may carry `If-Match` with
the `ETag` of what you read: of two people who edit the same, one is refused (412) and reads
again. Every answer to a GET has an `ETag`; with it in `If-None-Match` you get 304 while nothing
has changed. Lists come in pages of `limit` rows, the next one's address in the header `Link`. As
CSV they come whole: by `Accept: text/csv`, or by `.csv` at the path's end. Sentences are French,
or English by `Accept-Language`."""


ETAG = {"description": "The tag of this answer", "schema": {"type": "string"}}
ETAG_AFTER = {
    "description": "The tag of what was edited, as it is now: as its GET would give it",
    "schema": {"type": "string"},
}
CONDITIONS = {
    "If-Match": "The ETag of what you saw: refused (412) if it has been changed since",
    "If-None-Match": "The ETag that you have: 304 if the answer is still the same",
}


LINK = {
    "description": 'The next page, where there is one: `</api/v1/…?after=…>; rel="next"`',
    "schema": {"type": "string"},
}
PAGING = {"limit", "after"}


class Languages(Schema):
    """A sentence in both languages."""

    fr = fields.String()
    en = fields.String()


class FieldError(Schema):
    """One field that was refused; ``messages`` has the sentence in both languages."""

    field = fields.String()
    message = fields.String()
    messages = fields.Nested(Languages)


class Told(Schema):
    """What happened, and what to do about it."""

    detail = fields.String()
    hint = fields.String()


class Sentences(Schema):
    """The same in both languages."""

    fr = fields.Nested(Told)
    en = fields.Nested(Told)


class Problem(Schema):
    """RFC 9457, with a stable code, a hint and the errors by field.

    ``detail``, ``hint`` and messages are French, or English by ``Accept-Language``.
    """

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String()
    detail = fields.String()
    hint = fields.String()
    sentences = fields.Nested(Sentences)
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
    for name, what in CONDITIONS.items():
        spec.components.parameter(
            name.replace("-", ""),
            "header",
            {"name": name, "schema": {"type": "string"}, "description": what},
        )
    spec.components.response("NotModified", {"description": "As you have it already"})


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


def file_operation(route: Route) -> dict[str, Any]:
    """A row's table as a file: the same operation, whole, as CSV alone."""
    described = operation(route)
    shown = described["responses"][str(route.status)]
    shown["content"] = {"text/csv": {"schema": {"type": "string"}}}
    shown["headers"] = {"ETag": ETAG}
    return {
        **described,
        "operationId": f"{route.endpoint}_csv",
        "summary": f"{route.summary} (CSV)",
        "parameters": ["IfNoneMatch", *_query_of_file(route)],
    }


def _query_of_file(route: Route) -> list[Any]:
    """What the sender gives to a list, but for which page of it."""
    if route.given is None or not route.given.fields.keys() - PAGING:
        return []
    paging = PAGING & route.given.fields.keys()
    given = type(route.given)(exclude=[*route.given.exclude, *paging])
    given.component = f"{camel(route.endpoint)}CsvRequest"  # type: ignore[attr-defined]
    return [{"in": "query", "schema": given}]


def path_parameters(route: Route) -> list[dict[str, Any]]:
    """The parts of the path."""
    schema = {"type": "string", "minLength": 1, "maxLength": 128}
    return [
        {"in": "path", "name": name, "required": True, "schema": schema}
        for name in route.path_fields
    ]


def _parameters(route: Route) -> list[Any]:
    if not route.reads:
        return ["IdempotencyKey", *(["IfMatch"] if route.messages.edits else [])]
    query = [] if route.given is None else [{"in": "query", "schema": route.given}]
    return ["IfNoneMatch", *query]


def _responses(route: Route) -> dict[str, Any]:
    gives = route.messages.gives
    answer: dict[str, Any] = {"description": route.summary}
    schema: Any = {} if gives is None else gives(many=True) if route.messages.many else gives
    answer["content"] = {"application/json": {"schema": schema}}
    if route.is_file:
        answer["content"] = {route.messages.file: {"schema": {"type": "string"}}}
    if route.tabular:
        answer["content"]["text/csv"] = {"schema": {"type": "string"}}
    found: dict[str, Any] = {str(route.status): answer}
    if route.messages.edits:
        answer["headers"] = {"ETag": ETAG_AFTER}
    if route.reads:
        answer["headers"] = {"ETag": ETAG, **({"Link": LINK} if route.pages else {})}
        found["304"] = "NotModified"
    return {**found, **{str(status): "Problem" for status in statuses(route)}}


def statuses(route: Route) -> list[int]:
    """The errors that a route may answer with."""
    found = {422, 500, 503, *([400, 412] if route.reads or route.messages.edits else [])}
    if route.who is not Who.ANYONE:
        found |= {401, 403}
    if route.path_fields:
        found |= {403, 404, 409}
    if not route.reads:
        found |= {400, 401, 403, 404, 409, 413, 415, 429}
    return sorted(found | ({401} if route.who is Who.ANYONE else set()))


def _security(route: Route) -> list[dict[str, list[str]]]:
    known: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]
    return [{}, *known] if route.who is Who.ANYONE else known
