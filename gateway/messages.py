"""What the gateway's own doors take and give."""

from __future__ import annotations

from datetime import UTC

from marshmallow import Schema, fields, validate

from services.chassis.catalogue import Door
from services.chassis.paging import Paged


class Role(Schema):
    """A role in one marathon, or in all (null)."""

    role = fields.String()
    marathon = fields.String(allow_none=True)


class Me(Schema):
    """Who is asking; ``key`` is null for a machine's token."""

    key = fields.String(allow_none=True)
    name = fields.String()
    kind = fields.String(metadata={"enum": ["person", "machine"]})
    roles = fields.List(fields.Nested(Role))


class Now(Schema):
    """The instant the instance's clock shows."""

    now = fields.AwareDateTime(default_timezone=UTC, required=True)


class MailsWanted(Paged):
    """The mails to one address, or all."""

    to = fields.String(validate=validate.Length(min=1, max=320))


class Mail(Schema):
    """A mail that the demonstration wrote to a file instead of sending it."""

    id = fields.String()
    to = fields.String()
    subject = fields.String()
    text = fields.String()
    html = fields.String(metadata={"description": "the source of its HTML part"})
    sent_at = fields.AwareDateTime(default_timezone=UTC)


class MyData(Schema):
    """All that is held on the asker, by service; ``missing`` names those that were away."""

    registration = fields.Dict(allow_none=True)
    venues = fields.Dict(allow_none=True)
    voting = fields.Dict(
        allow_none=True,
        metadata={"description": "that one voted, never how: a choice is shown to nobody"},
    )
    jury = fields.Dict(allow_none=True)
    missing = fields.List(fields.String())
    at = fields.AwareDateTime(default_timezone=UTC)


DOORS: dict[str, Door] = {
    "who_am_i": Door(None, Me),
    "my_data": Door(None, MyData),
    "get_clock": Door(None, Now),
    "move_clock": Door(Now, Now),
    "list_mails": Door(MailsWanted, Mail, many=True),
}
