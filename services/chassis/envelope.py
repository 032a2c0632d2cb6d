"""The envelope of every event: CloudEvents 1.0, structured JSON, checked on the way in and out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"


class EnvelopeSchema(Schema):
    """CloudEvents 1.0 in structured mode, with what a subject's state needs to be ordered."""

    class Meta:
        unknown = EXCLUDE

    specversion = fields.String(required=True, validate=validate.Equal(SPEC_VERSION))
    id = fields.String(required=True, validate=validate.Length(1, 64))
    source = fields.String(required=True, validate=validate.Length(1, 200))
    type = fields.String(required=True, validate=validate.Length(1, 64))
    subject = fields.String(required=True, validate=validate.Length(1, 128))
    time = fields.AwareDateTime(required=True, default_timezone=UTC)
    datacontenttype = fields.String(required=True, validate=validate.Equal(CONTENT_TYPE))
    dataschema = fields.String(required=True)
    correlationid = fields.String(load_default="")
    data = fields.Dict(keys=fields.String(), required=True)


class OrderSchema(Schema):
    """The part of ``data`` that orders the states of one subject."""

    class Meta:
        unknown = EXCLUDE

    epoch = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    version = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))


_ENVELOPE = EnvelopeSchema()
_ORDER = OrderSchema()


@dataclass(frozen=True)
class Envelope:
    """An event as it arrived: ``data`` is the raw state with ``epoch`` and ``version`` out."""

    id: str
    speaker: str
    type: str
    subject: str
    time: datetime
    correlation: str
    epoch: int
    version: int
    data: dict[str, Any]


def source_of(instance: str, service: str) -> str:
    """The CloudEvents source of a service of an instance."""
    return f"urn:incroyable-territoire:{instance}:{service}"


def schema_of(service: str, kind: str) -> str:
    """The name of the schema of a kind's state."""
    return f"urn:incroyable-territoire:schema:{service}:{kind}:1"


def open_envelope(raw: Any) -> Envelope:
    """What arrived, checked. Raises ``marshmallow.ValidationError``."""
    fields_ = _ENVELOPE.load(raw)
    order = _ORDER.load(fields_["data"])
    state = {k: v for k, v in fields_["data"].items() if k not in ("epoch", "version")}
    return Envelope(
        id=fields_["id"],
        speaker=fields_["source"].rsplit(":", 1)[-1],
        type=fields_["type"],
        subject=fields_["subject"],
        time=fields_["time"],
        correlation=fields_["correlationid"],
        epoch=order["epoch"],
        version=order["version"],
        data=state,
    )


def marathon_of(kind: str, subject: str, state: dict[str, Any]) -> str | None:
    """The marathon a state belongs to, if any."""
    return subject if kind == "marathon" else state.get("marathon")
