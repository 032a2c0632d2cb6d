"""What owners and organisers do with premises and the places in them."""

from __future__ import annotations

from gateway.desk.actions.action import Action, Groups
from gateway.languages import N_

# A table: one entry, one action.
PREMISES_GROUPS: Groups = (
    (
        N_("Where"),
        ("address.house_number", "address.street", "address.postal_code", "address.insee"),
    ),
    (
        N_("What teams find there"),
        (
            "surface_m2", "capacity", "step_free", "ground_floor", "power", "water", "toilets",
            "heating", "internet", "shop_window", "activities",
        ),
    ),
    (N_("When it is free"), ("available.0.from_at", "available.0.to_at")),
)  # fmt: skip

ACTIONS = (
    Action(
        "proposer-un-local", "offer_premises",
        N_("Offer premises"), N_("Offer my premises"),
        N_("Thank you: your premises are offered. The organiser looks at them."),
        ("title",),
        (*PREMISES_GROUPS, (N_("Who lends them"), ("owner.name", "owner.email", "owner.phone"))),
    ),
    Action(
        "changer-un-local", "change_premises",
        N_("Change the offer"), N_("Save"), N_("The changes are saved."),
        ("title",), PREMISES_GROUPS, stored="venues.get_premises",
        warning=N_("A change of what matters sends the offer back to the organiser."),
    ),
    Action(
        "retirer-un-local", "withdraw_offer",
        N_("Withdraw the offer"), N_("Withdraw"), N_("The offer is withdrawn."),
        ("reason",), danger=True,
    ),
    Action(
        "approuver-un-local", "decide_offer",
        N_("Approve the premises"), N_("Approve"), N_("The premises are approved."),
        ("despite_collisions",), fixed={"approve": True}, stored="venues.get_premises",
    ),
    Action(
        "refuser-un-local", "decide_offer",
        N_("Refuse the premises"), N_("Refuse"), N_("The offer is refused."),
        ("reason",), fixed={"approve": False}, danger=True,
    ),
    Action(
        "placer-les-equipes", "propose_allocation",
        N_("Find a place for every team"), N_("Propose places"),
        N_("Every team has a proposed place: read them, then confirm them."),
    ),
    Action(
        "placer-une-equipe", "allocate",
        N_("Give a team a place"), N_("Propose this place"), N_("The place is proposed."),
        ("project", "offer"),
    ),
    Action(
        "confirmer-les-places", "confirm_all",
        N_("Confirm all places"), N_("Confirm all"), N_("The places are confirmed."),
    ),
    Action(
        "confirmer-une-place", "confirm_allocation",
        N_("Confirm the place"), N_("Confirm"), N_("The place is confirmed."),
    ),
    Action(
        "decliner-une-place", "decline_allocation",
        N_("Decline the place"), N_("Decline"), N_("The place is declined."),
        ("reason",), danger=True,
    ),
    Action(
        "annuler-une-place", "cancel_allocation",
        N_("Cancel the place"), N_("Cancel the place"), N_("The place is cancelled."),
        ("reason",), danger=True,
    ),
    Action(
        "remettre-les-cles", "hand_over",
        N_("Hand over the keys"), N_("Keys handed over"), N_("The keys are with the team."),
    ),
    Action(
        "rendre-les-cles", "return_keys",
        N_("Take the keys back"), N_("Keys returned"), N_("The keys are back."),
    ),
)  # fmt: skip
