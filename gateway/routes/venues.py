"""Routes to venues: offers of premises, allocation, keys."""

from __future__ import annotations

from gateway.access import Who
from gateway.routes.row import Route

# A table: one row, one route.
# fmt: off
OFFERS = (
    Route("POST", "/marathons/<marathon>/premises", "venues.offer_premises", Who.SIGNED_IN,
          "Offer premises for a marathon", 201),
    Route("GET", "/marathons/<marathon>/premises", "venues.list_premises", Who.ANYONE,
          "The premises offered for a marathon, as far as the asker may know"),
    Route("GET", "/offers/<offer>", "venues.get_premises", Who.SIGNED_IN,
          "An offer"),
    Route("PATCH", "/offers/<offer>", "venues.change_premises", Who.SIGNED_IN,
          "Change an offer; what matters sends it back to approval"),
    Route("POST", "/offers/<offer>/decision", "venues.decide_offer", Who.ORGANISER_ANY,
          "Approve or refuse an offer"),
    Route("POST", "/offers/<offer>/withdrawal", "venues.withdraw_offer", Who.SIGNED_IN,
          "Withdraw an offer"),
)

ALLOCATIONS = (
    Route("POST", "/marathons/<marathon>/allocations/proposal", "venues.propose_allocation",
          Who.ORGANISER, "Propose a place for every team, or say why there is none"),
    Route("POST", "/marathons/<marathon>/allocations", "venues.allocate", Who.ORGANISER,
          "Propose one place for one team", 201),
    Route("GET", "/marathons/<marathon>/allocations", "venues.list_allocations", Who.ANYONE,
          "Which team is where, as far as the asker may know"),
    Route("GET", "/allocations/<allocation>", "venues.get_allocation", Who.ANYONE,
          "Which team is where: one place, as far as the asker may know"),
    Route("POST", "/marathons/<marathon>/allocations/confirmation", "venues.confirm_all",
          Who.ORGANISER, "Confirm all proposed places"),
    Route("POST", "/allocations/<allocation>/confirmation", "venues.confirm_allocation",
          Who.SIGNED_IN, "Confirm a proposed place"),
    Route("POST", "/allocations/<allocation>/refusal", "venues.decline_allocation", Who.SIGNED_IN,
          "Decline a proposed place"),
    Route("POST", "/allocations/<allocation>/cancellation", "venues.cancel_allocation",
          Who.SIGNED_IN, "Cancel a place before the keys are handed over"),
    Route("POST", "/allocations/<allocation>/hand-over", "venues.hand_over", Who.SIGNED_IN,
          "Keys handed over"),
    Route("POST", "/allocations/<allocation>/return", "venues.return_keys", Who.SIGNED_IN,
          "Keys returned"),
)

ROUTES = (*OFFERS, *ALLOCATIONS)
