"""What venues says, hears and answers: the catalogue; the schemas are beside it."""

from __future__ import annotations

from services.chassis import offload
from services.chassis.catalogue import Door, Event, Heard, Says
from services.venues.messages_doors import (
    Allocate,
    AllocationView,
    ChangePremises,
    DecideOffer,
    EndAllocation,
    MyData,
    OfferPremises,
    OfferView,
    PageOfMarathon,
    Proposal,
    TheAllocation,
    TheMarathon,
    TheOffer,
    WithReason,
)
from services.venues.messages_events import (
    AllocationState,
    MarathonPart,
    OfferState,
    PalmaresPart,
    PersonPart,
    ProjectPart,
)
from services.venues.periods import KEPT

__all__ = ["DOORS", "HEARS", "KEPT", "SAYS"]

SAYS = Says(
    "venues",
    [
        Event("premises_offered", "premises", OfferState),
        Event("premises_allocated", "allocation", AllocationState),
        Event("premises_released", "allocation", AllocationState),
    ],
)

HEARS = [
    Heard(
        "registration",
        "marathon",
        (
            "marathon_announced",
            "host_revealed",
            "marathon_changed",
            "marathon_mobilised",
            "marathon_started",
            "marathon_ended",
            "marathon_closed",
            "marathon_cancelled",
        ),
        MarathonPart,
    ),
    Heard(
        "registration",
        "project",
        ("project_confirmed", "project_changed", "project_withdrawn"),
        ProjectPart,
    ),
    Heard("registration", "person", ("person_erased",), PersonPart),
    Heard("jury", "palmares", ("palmares_published",), PalmaresPart),
]

SEAT = ("get_allocation",)

DOORS = {
    "offer_premises": Door(OfferPremises, OfferView),
    "get_premises": Door(TheOffer, OfferView),
    "list_premises": Door(PageOfMarathon, OfferView, many=True),
    "change_premises": Door(ChangePremises, OfferView, edits=("get_premises",)),
    "decide_offer": Door(DecideOffer, OfferView, edits=("get_premises",)),
    "withdraw_offer": Door(WithReason, OfferView, edits=("get_premises",)),
    "propose_allocation": Door(TheMarathon, Proposal, patience_s=offload.PATIENCE_S),
    "allocate": Door(Allocate, AllocationView),
    "confirm_allocation": Door(TheAllocation, AllocationView, edits=SEAT),
    "confirm_all": Door(TheMarathon, AllocationView, many=True),
    "decline_allocation": Door(EndAllocation, AllocationView, edits=SEAT),
    "cancel_allocation": Door(EndAllocation, AllocationView, edits=SEAT),
    "hand_over": Door(TheAllocation, AllocationView, edits=SEAT),
    "return_keys": Door(TheAllocation, AllocationView, edits=SEAT),
    "get_allocation": Door(TheAllocation, AllocationView),
    "list_allocations": Door(PageOfMarathon, AllocationView, many=True),
    "my_data": Door(None, MyData),
}
