"""What registration answers about the relay and the partners with whom it is run."""

from __future__ import annotations

import base64
from typing import Any

from marshmallow import Schema, ValidationError, fields

from services.chassis.catalogue import Door
from services.chassis.paging import Paged
from services.chassis.shapes import count, ident, instant, one_of, text
from services.registration.messages_cycle import RelayState

# --- asked --------------------------------------------------------------------------------


class RelaysOfCycle(Paged):
    """A page of a cycle's offers."""

    cycle = ident(required=True)


class CycleAsked(Schema):
    """A cycle by its id."""

    cycle = ident(required=True)


class AnswerRelay(Schema):
    """The offered host's answer."""

    relay = ident(required=True)
    answer = one_of("accepted", "refused", required=True)
    reason = text(2000, load_default=None, allow_none=True)


class ReassignRelay(Schema):
    """The joint body's word: who holds the baton from now on.

    ``even_unheard``: also while most partners, or the holder's, are silent.
    """

    cycle = ident(required=True)
    to_marathon = ident(required=True)
    reason = text(2000, required=True)
    even_unheard = fields.Boolean(load_default=False)


class OfferRelay(Schema):
    """Which host is asked next; also one that refused or did not answer."""

    cycle = ident(required=True)
    to_marathon = ident(required=True)


class WithdrawRelay(Schema):
    """An offer that is taken back."""

    relay = ident(required=True)
    reason = text(2000, load_default=None, allow_none=True)


class Bytes(fields.Field[bytes]):
    """Bytes as base64."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError):
            raise ValidationError("not base64") from None


class ReceivePackage(Schema):
    """A package as it came over HTTPS, its bytes as base64: of any the same length."""

    package = Bytes(required=True)


class Nothing(Schema):
    """Nothing is asked."""


# --- answered -----------------------------------------------------------------------------


class LegOverView(Schema):
    """How the leg ended that an offer comes from."""

    marathon = fields.String()
    leg = count(1)
    state = fields.String()
    closed_at = fields.String(allow_none=True)
    palmares_digest = fields.String(allow_none=True)


class ParcelView(Schema):
    """What comes with an offer from another instance."""

    leg = fields.Nested(LegOverView)
    templates = fields.Dict()


class RelayView(RelayState):
    """An offer of the baton.

    On a desk also: the partner on the other side, how far the offer or its grant is, and the
    palmarès that comes with it.
    """

    offered_at = instant()
    answered_at = instant(allow_none=True)
    parcel = fields.Nested(ParcelView, allow_none=True)
    incoming = fields.Boolean()
    partner = fields.String(allow_none=True)
    sent_at = instant(
        allow_none=True, metadata={"description": "when the transport, such as our broker, took it"}
    )
    delivered_at = instant(
        allow_none=True, metadata={"description": "when the partner's instance had it for certain"}
    )
    undelivered = fields.String(
        allow_none=True, metadata={"description": "why the transport has not taken it"}
    )


class ReceiptView(Schema):
    """What became of a package."""

    id = fields.String(allow_none=True)
    verdict = fields.String()
    reason = fields.String(allow_none=True)


class RefusalView(Schema):
    """What was refused of a partner for one reason; "?" is whoever is no partner."""

    partner = fields.String()
    verdict = fields.String()
    number = count()
    kind = fields.String(allow_none=True)
    cycle = fields.String(allow_none=True)
    reason = fields.String()
    evidence = fields.Dict(allow_none=True)
    first_at = instant()
    last_at = instant()


class PartnerView(Schema):
    """A partner, and how the link to it is."""

    name = fields.String()
    title = fields.String()
    url = fields.String(allow_none=True)
    cycles = fields.List(fields.String())
    added = fields.Boolean()
    transport = fields.String(allow_none=True)
    heard_at = instant(allow_none=True)
    waiting = count()
    oldest_waiting_at = instant(allow_none=True)
    error = fields.String(allow_none=True)
    refused = count()


class PartnersView(Schema):
    """All partners, and everything that was refused."""

    me = fields.String()
    key = fields.String(allow_none=True)
    partners = fields.List(fields.Nested(PartnerView))
    refusals = fields.List(fields.Nested(RefusalView))


class LinkView(Schema):
    """One grant: how many partners were seen with it, and how many it needs."""

    term = count(1)
    hop = count(1)
    marathon = fields.String()
    granter = fields.String(allow_none=True)
    granted_at = instant()
    effective_at = instant(allow_none=True)
    reason = fields.String(allow_none=True)
    seen = fields.List(fields.String())
    needed = count()


class WaitingView(Schema):
    """A package that its partner has not answered."""

    partner = fields.String()
    kind = fields.String()
    term = count()
    hop = count()
    created_at = instant()
    attempts = count()
    handed_at = instant(allow_none=True)
    error = fields.String(allow_none=True)


class RelayStatus(Schema):
    """Where the relay of a cycle is, as this instance knows it."""

    cycle = fields.String()
    state = fields.String()
    me = fields.String()
    shared = fields.Boolean()
    joint_body = fields.String(allow_none=True)
    term = count(1)
    told = fields.Boolean()
    not_told_by = fields.List(fields.String())
    chain = fields.List(fields.Nested(LinkView))
    offers = fields.List(fields.Nested(RelayView))
    waiting = fields.List(fields.Nested(WaitingView))


DOORS: dict[str, Door] = {
    "list_relays": Door(RelaysOfCycle, RelayView, many=True),
    "answer_relay": Door(AnswerRelay, RelayView),
    "reassign_relay": Door(ReassignRelay, RelayView),
    "offer_relay": Door(OfferRelay, RelayView),
    "withdraw_relay": Door(WithdrawRelay, RelayView),
    "relay_status": Door(CycleAsked, RelayStatus),
    "list_partners": Door(Nothing, PartnersView),
    "receive_package": Door(ReceivePackage, ReceiptView),
}
