"""What venues is asked, and what it answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.chassis.paging import Paged
from services.chassis.shapes import count, ident, insee, instant, one_of, text
from services.venues.messages_events import OFFER_STATES, STATUSES, STEP_FREE


class Owner(Schema):
    """Who lends the premises: private, seen by the organiser and the owner alone."""

    name = text(200, required=True)
    email = text(320, required=True)
    phone = text(40, 0, load_default="")
    siren = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^\d{9}\Z"))


class Address(Schema):
    """An address as the national address base has it; people pick a commune by its code."""

    house_number = text(20, 0, load_default="")
    street = text(200, required=True)
    postal_code = fields.String(required=True, validate=validate.Regexp(r"^\d{5}\Z"))
    insee = insee(required=True)


class Interval(Schema):
    """A half-open interval ``[from_at, to_at)``."""

    from_at = instant(required=True)
    to_at = instant(required=True)

    @validates_schema
    def _some_time(self, data: dict[str, Any], **_more: Any) -> None:
        if data["from_at"] >= data["to_at"]:
            raise ValidationError("to_at must be after from_at")


class PremisesFields(Schema):
    """What a team finds in the premises, and when they are free."""

    title = text(200, required=True)
    address = fields.Nested(Address, required=True)
    surface_m2 = fields.Integer(required=True, strict=True, validate=validate.Range(1, 100_000))
    capacity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 50),
        metadata={"description": "in teams"},
    )
    ground_floor = fields.Boolean(load_default=True)
    step_free = one_of(*STEP_FREE, required=True)
    power = fields.Boolean(required=True)
    water = fields.Boolean(required=True)
    toilets = fields.Boolean(load_default=False)
    heating = fields.Boolean(load_default=False)
    internet = fields.Boolean(load_default=False)
    shop_window = fields.Boolean(load_default=False)
    activities = fields.List(
        text(60),
        load_default=list,
        validate=validate.Length(max=30),
        metadata={"description": "activities the owner accepts; empty: any"},
    )
    available = fields.List(fields.Nested(Interval), required=True, validate=validate.Length(1, 50))


class OfferPremises(PremisesFields):
    """Premises offered for a marathon, by their owner or by the organiser in their name."""

    marathon = ident(required=True)
    owner = fields.Nested(Owner, required=True)


class ChangePremises(PremisesFields):
    """What is to change; what matters sends an approved offer back to approval."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"partial": True, **more})

    offer = ident(required=True)


class TheOffer(Schema):
    """An offer by its id."""

    offer = ident(required=True)


class TheMarathon(Schema):
    """A marathon by its id."""

    marathon = ident(required=True)


class PageOfMarathon(TheMarathon, Paged):
    """A page of a list of a marathon's."""


class Collision(Schema):
    """Another offer of the same place and time."""

    offer = ident()
    marathon = ident()
    sentence = fields.String()


class OfferView(Schema):
    """An offer; contact and collisions are null for those whom they do not concern."""

    id = ident()
    premises = ident()
    marathon = ident()
    state = one_of(*OFFER_STATES)
    mine = fields.Boolean(metadata={"description": "whether the asker is its owner"})
    title = fields.String()
    address = fields.Nested(Address)
    public_address = fields.String()
    surface_m2 = count()
    capacity = count(1)
    ground_floor = fields.Boolean()
    step_free = one_of(*STEP_FREE)
    power = fields.Boolean()
    water = fields.Boolean()
    toilets = fields.Boolean()
    heating = fields.Boolean()
    internet = fields.Boolean()
    shop_window = fields.Boolean()
    activities = fields.List(fields.String())
    available = fields.List(fields.Nested(Interval))
    reason = fields.String(allow_none=True)
    contact = fields.Nested(Owner, allow_none=True)
    collisions = fields.List(fields.Nested(Collision), allow_none=True)


class DecideOffer(Schema):
    """Approve or refuse; a refusal needs a reason, an approval despite collisions a yes."""

    offer = ident(required=True)
    approve = fields.Boolean(required=True)
    reason = text(2000, load_default=None, allow_none=True)
    despite_collisions = fields.Boolean(load_default=False)


class WithReason(Schema):
    """An offer to withdraw, with a reason."""

    offer = ident(required=True)
    reason = text(2000, required=True)


class Allocate(Schema):
    """One team into one offered place."""

    marathon = ident(required=True)
    project = ident(required=True)
    offer = ident(required=True)


class TheAllocation(Schema):
    """An allocation by its id."""

    allocation = ident(required=True)


class EndAllocation(Schema):
    """An allocation to give up, with a reason."""

    allocation = ident(required=True)
    reason = text(2000, required=True)


class AllocationView(Schema):
    """A team's seat; misfits and keys are null for those whom they do not concern."""

    id = ident()
    marathon = ident()
    project = ident()
    offer = ident()
    premises = ident()
    seat = count(1)
    status = one_of(*STATUSES)
    from_at = instant()
    to_at = instant()
    title = fields.String()
    address = fields.String()
    step_free = one_of(*STEP_FREE)
    reason = fields.String(allow_none=True)
    held = fields.Boolean()
    misfits = fields.List(fields.String(), allow_none=True)
    keys_out_at = instant(allow_none=True)
    keys_back_at = instant(allow_none=True)
    keys_due = fields.Boolean(metadata={"description": "the marathon is over, the keys are out"})


class Constraint(Schema):
    """One of the constraints that can't hold together."""

    kind = fields.String()
    project = fields.String(allow_none=True)
    offer = fields.String(allow_none=True)
    sentence = fields.String()


class Proposal(Schema):
    """A place for every team, or the constraints that can't hold together."""

    possible = fields.Boolean()
    allocations = fields.List(fields.Nested(AllocationView))
    moved = fields.List(ident(), metadata={"description": "teams that would change places"})
    conflict = fields.List(fields.Nested(Constraint))


class MyData(Schema):
    """All that is held on somebody here (RULES D2)."""

    premises = fields.List(fields.Dict())
    decisions = fields.List(fields.Dict())
    keys = fields.List(fields.Dict())
    mails = fields.List(fields.Dict())
    answers = fields.List(fields.Dict())
    role_copies = fields.List(fields.Dict())
