"""Field shapes that all services' messages share: bounded, aware, explicit."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from marshmallow import fields, validate


def ident(**more: Any) -> fields.String:
    """An identifier."""
    return fields.String(validate=validate.Length(1, 128), **more)


def text(most: int, least: int = 1, **more: Any) -> fields.String:
    """A text of ``least`` to ``most`` characters."""
    return fields.String(validate=validate.Length(least, most), **more)


def instant(**more: Any) -> fields.AwareDateTime:
    """An instant; without an offset it is UTC."""
    return fields.AwareDateTime(default_timezone=UTC, **more)


def count(least: int = 0, **more: Any) -> fields.Integer:
    """A whole number from ``least`` on."""
    return fields.Integer(strict=True, validate=validate.Range(min=least), **more)


def one_of(*values: str, **more: Any) -> fields.String:
    """One of these words."""
    return fields.String(validate=validate.OneOf(values), **more)
