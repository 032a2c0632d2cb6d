"""What venues says, and the parts it reads of what the others say."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.chassis.shapes import Part, count, ident, instant, one_of

OFFER_STATES = ("offered", "approved", "refused", "withdrawn")
STEP_FREE = ("yes", "partly", "no")
STATUSES = (
    "proposed",
    "confirmed",
    "declined",
    "handed_over",
    "returned",
    "released",
    "cancelled",
)


class OfferState(Schema):
    """Premises offered for a marathon; never the owner's contact."""

    id = ident(required=True)
    premises = ident(required=True)
    marathon = ident(required=True)
    state = one_of(*OFFER_STATES, required=True)
    owner_key = ident(required=True)
    owner_siren = fields.String(required=True, allow_none=True)
    insee = fields.String(required=True)
    capacity = count(1, required=True)
    step_free = one_of(*STEP_FREE, required=True)


class AllocationState(Schema):
    """A team's seat, said from "confirmed" on; the interval is half-open, the address public."""

    id = ident(required=True)
    status = one_of(*STATUSES, required=True)
    premises = ident(required=True)
    seat = count(1, required=True)
    project = ident(required=True)
    marathon = ident(required=True)
    from_at = instant(required=True)
    to_at = instant(required=True)
    address = fields.String(required=True)
    step_free = one_of(*STEP_FREE, required=True)
    owner_key = ident(required=True)
    owner_siren = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)


class PalmaresRefPart(Part):
    """Which edition a closed marathon was closed with."""

    number = fields.Integer(required=True)


class MarathonPart(Part):
    """A marathon, for the call, the interval of its seats and their release."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    state = fields.String(required=True)
    starts_at = instant(required=True, allow_none=True)
    ends_at = instant(required=True, allow_none=True)
    palmares = fields.Nested(PalmaresRefPart, required=True, allow_none=True)


class NeedsPart(Part):
    """What a team can't do without."""

    step_free = fields.Boolean(required=True)
    water = fields.Boolean(required=True)
    power = fields.Boolean(required=True)
    surface_m2 = fields.Integer(required=True)


class ProjectPart(Part):
    """A team to place."""

    id = fields.String(required=True)
    marathon = fields.String(required=True)
    status = fields.String(required=True)
    title = fields.String(required=True)
    team_number = fields.Integer(required=True)
    activity = fields.String(required=True)
    holder_key = fields.String(required=True)
    needs = fields.Nested(NeedsPart, required=True)
    reason = fields.String(load_default=None, allow_none=True)


class PersonPart(Part):
    """A person who was erased."""

    id = fields.String(required=True)
    at = instant(required=True)


class PrizePart(Part):
    """A prize, for the premises it is tied to."""

    premises = fields.String(required=True, allow_none=True)


class PalmaresPart(Part):
    """A published palmarès, for the premises to hold."""

    marathon = fields.String(required=True)
    number = fields.Integer(required=True)
    prizes = fields.List(fields.Nested(PrizePart), required=True)
