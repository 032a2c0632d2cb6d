"""What holders and team members do with a project and its team."""

from __future__ import annotations

from gateway.desk.actions.action import Action, Groups
from gateway.languages import N_

# A table: one entry, one action.
PROJECT_FIELDS = ("title", "pitch", "activity", "commune", "siren")
TEAM_GROUPS: Groups = (
    (N_("The team"), ("max_size", "open_roles")),
    (
        N_("What you need of the premises"),
        ("needs.step_free", "needs.water", "needs.power", "needs.surface_m2"),
    ),
)
ACTIONS = (
    Action(
        "inscrire-un-projet", "register_project",
        N_("Register a project"), N_("Save my project"),
        N_("Your project is saved as a draft. Read it again, then submit it."),
        PROJECT_FIELDS,
        (*TEAM_GROUPS, (N_("If you are under 18"), ("under_18", "guardian_consent"))),
    ),
    Action(
        "changer-un-projet", "change_project",
        N_("Change the project"), N_("Save"), N_("The changes are saved."),
        PROJECT_FIELDS, TEAM_GROUPS, stored="registration.get_project",
    ),
    Action(
        "deposer-un-projet", "submit_project",
        N_("Submit the project"), N_("Submit my project"),
        N_("Your project is submitted. The teams are announced together at the press conference."),
    ),
    Action(
        "confirmer-un-projet", "confirm_project",
        N_("Confirm that the team comes"), N_("Our team takes part"),
        N_("Your team takes part: thank you."),
    ),
    Action(
        "retirer-un-projet", "withdraw_project",
        N_("Withdraw the project"), N_("Withdraw"), N_("The project is withdrawn."),
        ("reason",), danger=True,
        warning=N_("A withdrawn project does not come back, and votes for it no longer count."),
    ),
    Action(
        "nouveau-code", "renew_join_code",
        N_("Make a new join code"), N_("Make a new code"),
        N_("The team has a new join code; the old one is void."),
    ),
    Action(
        "rejoindre", "join_team",
        N_("Join a team"), N_("Join"), N_("You are in the team."),
        ("code",), ((N_("If you are under 18"), ("under_18", "guardian_consent")),),
    ),
    Action(
        "demander-a-rejoindre", "request_to_join",
        N_("Ask to join this team"), N_("Ask"), N_("Your request is with the team."),
        ("under_18", "guardian_consent"),
    ),
    Action(
        "accueillir", "answer_request",
        N_("Take somebody into the team"), N_("Take in"), N_("The person is in the team."),
        fixed={"accept": True},
    ),
    Action(
        "ne-pas-accueillir", "answer_request",
        N_("Refuse a request"), N_("Refuse"), N_("The request is refused."),
        fixed={"accept": False},
    ),
    Action(
        "quitter", "leave_team",
        N_("Leave the team"), N_("Leave"), N_("The person is no longer in the team."),
        given=("key",), danger=True,
    ),
)  # fmt: skip
