"""Field shapes that all services' messages share: bounded, aware, explicit."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate


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


def siren(**more: Any) -> fields.String:
    """A SIREN, by its form alone (RULES R6)."""
    return fields.String(validate=validate.Regexp(r"\d{9}\Z"), **more)


def insee(**more: Any) -> fields.String:
    """A commune's INSEE code."""
    return fields.String(validate=validate.Regexp(r"\d[\dAB]\d{3}\Z"), **more)


class Part(Schema):
    """A part of somebody's state: what a service reads of it, and nothing more."""

    class Meta:
        unknown = EXCLUDE
