"""What organisers and jurors do for the jury's prizes."""

from __future__ import annotations

from gateway.desk.actions.action import Action
from gateway.languages import N_

# A table: one entry, one action.
ACTIONS = (
    Action(
        "convoquer-le-jury", "convene_panel",
        N_("Convene the jury"), N_("Convene"), N_("The jury is convened."),
    ),
    Action(
        "se-recuser", "recuse",
        N_("Recuse myself for this project"), N_("Recuse myself"),
        N_("You are recused for this project: your card for it does not count."),
        ("reason",), given=("project",), danger=True,
    ),
    Action(
        "deliberer", "deliberate",
        N_("Keep to the ranking"), N_("The jury keeps to the ranking"),
        N_("The deliberation is recorded."), ("reason",),
        warning=N_("To place a team elsewhere than the cards do, give its rank on the desk."),
    ),
    Action(
        "ajouter-un-prix", "add_prize",
        N_("Add a prize"), N_("Add"), N_("The prize is added."),
        ("title", "kind", "quantity", "donor", "cap_eur", "condition", "exclusive"),
    ),
    Action(
        "attribuer-un-prix", "award_prize",
        N_("Award a prize"), N_("Award"), N_("The prize is awarded."), ("project",),
        stored="jury.get_prize",
    ),
    Action(
        "publier-le-palmares", "publish_palmares",
        N_("Publish the awards"), N_("Publish"), N_("The awards are public."), ("reason",),
        warning=N_("A reason is needed only where published awards are corrected."),
    ),
)  # fmt: skip
