"""The field shapes that voting's messages share: bounded, aware, explicit."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from marshmallow import fields, validate

STATES = ("prepared", "open", "closed", "counted", "void")
TIE_RULES = ("shared", "jury_order", "lots")
WHO_MAY_VOTE = ("everyone", "not_team", "not_team_nor_jury")


def ident(**more: Any) -> fields.String:
    """An identifier."""
    return fields.String(validate=validate.Length(1, 128), **more)


def instant(**more: Any) -> fields.AwareDateTime:
    """An instant; without an offset it is UTC."""
    return fields.AwareDateTime(default_timezone=UTC, **more)


def count(**more: Any) -> fields.Integer:
    """A number of things."""
    return fields.Integer(strict=True, validate=validate.Range(min=0), **more)


def counts() -> fields.Dict:
    """Numbers by project."""
    return fields.Dict(keys=fields.String(), values=count(), required=True)


def one_of(*values: str, **more: Any) -> fields.String:
    """One of these words."""
    return fields.String(validate=validate.OneOf(values), **more)
