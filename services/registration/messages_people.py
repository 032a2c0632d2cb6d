"""What registration says of people, roles and projects; what it answers of them is beside it."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.chassis.catalogue import Door, Event, Heard
from services.chassis.shapes import count, ident, instant, one_of
from services.registration import messages_people_doors, messages_projects
from services.registration.messages_people_doors import ROLES

SAID_STATUSES = ("confirmed", "checked_in", "no_show", "withdrawn", "disqualified")


class NeedsState(Schema):
    """What a team needs of its premises."""

    step_free = fields.Boolean(required=True)
    water = fields.Boolean(required=True)
    power = fields.Boolean(required=True)
    surface_m2 = count(required=True)


class ProjectState(Schema):
    """A project as everybody may know it; said from "confirmed" on.

    ``member_keys`` are the members beside the holder; ``size`` counts everybody.
    """

    id = ident(required=True)
    marathon = ident(required=True)
    status = one_of(*SAID_STATUSES, required=True)
    title = fields.String(required=True)
    pitch = fields.String(required=True)
    team_number = count(1, required=True)
    holder_key = ident(required=True)
    member_keys = fields.List(ident(), required=True)
    size = count(1, required=True)
    siren = fields.String(required=True, allow_none=True)
    commune = fields.String(required=True, allow_none=True)
    activity = fields.String(required=True)
    needs = fields.Nested(NeedsState, required=True)
    reason = fields.String(required=True, allow_none=True)
    at = instant(required=True, allow_none=True)


class RoleState(Schema):
    """A role of a person, in one marathon or (null) in all; what conflicts are found by."""

    id = ident(required=True)
    person_key = ident(required=True)
    role = one_of(*ROLES, required=True)
    marathon = fields.String(required=True, allow_none=True)
    status = one_of("granted", "revoked", required=True)
    display_name = fields.String(required=True)
    organisation = fields.String(required=True, allow_none=True)
    siren = fields.String(required=True, allow_none=True)
    elected_in = fields.String(required=True, allow_none=True)
    president = fields.Boolean(required=True)


class PersonState(Schema):
    """A person who was erased; ``id`` is their key (RULES D2)."""

    id = ident(required=True)
    at = instant(required=True)


SAYS: list[Event] = [
    Event("project_confirmed", "project", ProjectState),
    Event("project_changed", "project", ProjectState),
    Event("project_withdrawn", "project", ProjectState),
    Event("role_granted", "role", RoleState),
    Event("role_revoked", "role", RoleState),
    Event("person_erased", "person", PersonState),
]
HEARS: list[Heard] = []
DOORS: dict[str, Door] = {**messages_people_doors.DOORS, **messages_projects.DOORS}
