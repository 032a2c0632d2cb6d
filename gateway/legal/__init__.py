"""Who publishes an instance: the file that ``MARATHON_LEGAL_FILE`` names, read once at start.

Every field may be missing: the pages then say that the operator has to fill it in, and
``marathon doctor`` lists what is missing. What is wrong stops the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from services.chassis.config import Settings, SettingsError

STATUSES = ("none", "partial", "full")
AUDITED = ("partial", "full")


@dataclass(frozen=True)
class Body:
    """The publisher, the host of the site, or whom to write to about one's data."""

    name: str = ""
    address: str = ""
    email: str = ""
    phone: str = ""
    director: str = ""
    """Who answers for what is published; the publisher's only."""


@dataclass(frozen=True)
class Accessibility:
    """What the declaration states. No audit, no claim: then the site is "non conforme"."""

    status: str = "none"
    audited_on: date | None = None
    audited_by: str = ""
    rate: int | None = None
    """The share of the criteria that are met, in percent."""

    inaccessible: tuple[str, ...] = ()
    contact: str = ""


@dataclass(frozen=True)
class Legal:
    """All that the legal pages need to know of an instance."""

    publisher: Body = field(default_factory=Body)
    host: Body = field(default_factory=Body)
    data_protection: Body = field(default_factory=Body)
    accessibility: Accessibility = field(default_factory=Accessibility)

    @property
    def missing(self) -> list[str]:
        """What the law asks for and nobody has filled in, as it is named in the file."""
        return [
            f"{part}.{name}"
            for part, names in NEEDED.items()
            for name in names
            if not getattr(getattr(self, part), name)
        ]


NEEDED = {
    "publisher": ("name", "address", "director", "email"),
    "host": ("name", "address"),
    "data_protection": ("email",),
}


def load(settings: Settings) -> Legal:
    """The instance's file; an empty one where none is named.

    Raises ``SettingsError`` with the file's name and what is wrong in it.
    """
    if settings.legal_file is None:
        return Legal()
    try:
        found = yaml.safe_load(settings.legal_file.read_text(encoding="utf-8"))
        legal: Legal = _File().load(found or {})
    except ValidationError as error:
        raise _wrong(settings.legal_file, str(error.normalized_messages())) from error  # type: ignore[no-untyped-call]
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise _wrong(settings.legal_file, str(error)) from error
    return legal


def _wrong(path: Path, reason: str) -> SettingsError:
    return SettingsError(f"MARATHON_LEGAL_FILE {path} can't be used: {reason}")


def _line(most: int = 300) -> fields.String:
    return fields.String(validate=validate.Length(1, most))


class _Body(Schema):
    name = _line()
    address = _line()
    email = fields.Email()
    phone = _line(40)

    @post_load
    def _make(self, data: dict[str, Any], **_more: Any) -> Body:
        return Body(**data)


class _Publisher(_Body):
    director = _line()


class _Accessibility(Schema):
    status = fields.String(validate=validate.OneOf(STATUSES))
    audited_on = fields.Date()
    audited_by = _line()
    rate = fields.Integer(strict=True, validate=validate.Range(0, 100))
    inaccessible = fields.List(_line(1000))
    contact = fields.Email()

    @validates_schema
    def _no_claim_without_audit(self, data: dict[str, Any], **_more: Any) -> None:
        if data.get("status") in AUDITED and not ("audited_on" in data and "audited_by" in data):
            raise ValidationError("this status needs audited_on and audited_by", "status")

    @post_load
    def _make(self, data: dict[str, Any], **_more: Any) -> Accessibility:
        return Accessibility(**{**data, "inaccessible": tuple(data.get("inaccessible", ()))})


class _File(Schema):
    publisher = fields.Nested(_Publisher)
    host = fields.Nested(_Body)
    data_protection = fields.Nested(_Body)
    accessibility = fields.Nested(_Accessibility)

    @post_load
    def _make(self, data: dict[str, Any], **_more: Any) -> Legal:
        return Legal(**data)
