"""A valid state for any event, made from its schema: for tests that need one, whichever."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.chassis.topology import messages_of


def example(service: str, event_type: str) -> dict[str, Any]:
    """A state that the schema of an event accepts."""
    return _of_schema(messages_of(service).SAYS[event_type].schema())


def _of_schema(schema: Schema) -> dict[str, Any]:
    return {name: _of_field(name, field) for name, field in schema.fields.items()}


def _of_field(name: str, field: fields.Field[Any]) -> Any:
    if field.allow_none:
        return None
    if isinstance(field, fields.Nested):
        made = _of_schema(field.schema)
        return [made] if field.many else made
    for check in field.validators:
        if isinstance(check, validate.OneOf):
            return next(iter(check.choices))
    simple: list[tuple[type[fields.Field[Any]], Any]] = [
        (fields.Boolean, True),
        (fields.Integer, 1),
        (fields.AwareDateTime, "2026-06-02T16:00:00+00:00"),
        (fields.List, []),
        (fields.Dict, {}),
        (fields.String, f"an-{name}"),
    ]
    return next(value for kind, value in simple if isinstance(field, kind))
