"""What organisers do with the relay: answer, offer, take back; and the joint body's word."""

from __future__ import annotations

from gateway.desk.actions.action import Action
from gateway.languages import N_

# A table: one entry, one action.
ACTIONS = (
    Action(
        "accepter-le-relais", "answer_relay",
        N_("Accept the relay"), N_("Accept the relay"),
        N_("You accepted: the relay comes to this marathon, and its mobilisation can begin."),
        fixed={"answer": "accepted"},
        warning=N_("From then on this marathon carries the baton until it is closed."),
    ),
    Action(
        "refuser-le-relais", "answer_relay",
        N_("Refuse the relay"), N_("Refuse the relay"),
        N_("You refused: the relay is offered to the next host."),
        ("reason",), fixed={"answer": "refused"}, needs=("reason",), danger=True,
        warning=N_("The organisers of the marathon before yours read your reason."),
    ),
    Action(
        "proposer-le-relais", "offer_relay",
        N_("Offer the relay"), N_("Offer the relay"), N_("The relay is offered."),
        ("to_marathon",),
        warning=N_("An offer that still waits for an answer is taken back. A host that refused, "
                   "or did not answer in time, may be asked again."),
    ),
    Action(
        "retirer-l-offre-du-relais", "withdraw_relay",
        N_("Take the offer of the relay back"), N_("Take the offer back"),
        N_("The offer is taken back, and the next host is asked."),
        ("reason",), danger=True,
    ),
    Action(
        "reattribuer-le-relais", "reassign_relay",
        N_("Give the relay to another marathon"), N_("Give the relay"),
        N_("The relay is given to that marathon; everybody is told."),
        ("to_marathon", "reason", "even_unheard"), danger=True,
        warning=N_("This is the joint body’s last word when the relay is stuck: whatever was "
                   "offered or given before is void, at once and for everybody. The reason is "
                   "public."),
    ),
)  # fmt: skip
