"""What registration is asked, and answers, about what is held on people (RULES D1–D3)."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.chassis.catalogue import Door
from services.chassis.paging import Paged
from services.chassis.shapes import ident, instant, one_of, text
from services.registration.messages_cycle_doors import TheMarathon
from services.registration.messages_people_doors import RoleView
from services.registration.messages_projects import ProjectView

CONSENTS = ("newsletter", "image", "partners", "next_host")


class SetConsents(Schema):
    """Consents to give (true) or to withdraw (false); what is left out stays as it is."""

    newsletter = fields.Boolean(metadata={"description": "news of the programme by mail"})
    image = fields.Boolean(metadata={"description": "one's image in published pictures"})
    partners = fields.Boolean(metadata={"description": "name and address for the partners"})
    next_host = fields.Boolean(metadata={"description": "a mail with the next host's link"})


class ConsentView(Schema):
    """A consent; ``at`` is when it was given or withdrawn, null while it never was."""

    kind = one_of(*CONSENTS)
    given = fields.Boolean()
    at = instant(allow_none=True)


class PlaceHold(Schema):
    """Why nothing of a marathon may be purged for now, in words that nobody else is told."""

    marathon = ident(required=True)
    reason = text(2000, required=True)


class HoldView(Schema):
    """A dispute that holds the purge of a marathon."""

    marathon = fields.String()
    reason = fields.String()
    placed_at = instant()
    lifted_at = instant(allow_none=True)


class MyData(Schema):
    """All that is held on somebody here (RULES D2)."""

    person = fields.Dict()
    consents = fields.List(fields.Dict())
    roles = fields.List(fields.Nested(RoleView))
    projects = fields.List(fields.Nested(ProjectView))
    teams = fields.List(fields.Dict())
    requests = fields.List(fields.Dict())
    moves = fields.List(fields.Dict())
    tokens = fields.List(fields.Dict())
    sessions = fields.List(fields.Dict())
    links = fields.List(fields.Dict())
    mails = fields.List(fields.Dict())
    answers = fields.List(fields.Dict())
    role_copies = fields.List(fields.Dict())


DOORS: dict[str, Door] = {
    "get_consents": Door(None, ConsentView, many=True),
    "set_consents": Door(SetConsents, ConsentView, many=True),
    "hold_purge": Door(PlaceHold, HoldView),
    "lift_hold": Door(TheMarathon, HoldView),
    "list_holds": Door(Paged, HoldView, many=True),
    "my_data": Door(None, MyData),
}
