"""What registration answers to partners' packages that came over HTTPS."""

from __future__ import annotations

import base64
from typing import Any

from marshmallow import Schema, ValidationError, fields

from services.chassis.catalogue import Door


class Bytes(fields.Field[bytes]):
    """Bytes as base64."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError):
            raise ValidationError("not base64") from None


class ReceivePackage(Schema):
    """A package as it came, its bytes as base64."""

    package = Bytes(required=True)


class Receipt(Schema):
    """What became of a package."""

    id = fields.String(allow_none=True)
    verdict = fields.String()
    reason = fields.String(allow_none=True)


DOORS: dict[str, Door] = {"receive_package": Door(ReceivePackage, Receipt)}
