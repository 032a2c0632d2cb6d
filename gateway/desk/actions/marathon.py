"""What organisers do with a marathon: settings, host, projects, people, the vote, the relay."""

from __future__ import annotations

from gateway.desk.actions.action import Action, Groups
from gateway.languages import N_

SETTINGS_GROUPS: Groups = (
    (N_("When"), ("mobilises_at", "starts_at", "ends_at", "settings.teams_formed_by")),
    (
        N_("The public vote"),
        (
            "settings.poll_opens_at", "settings.poll_closes_at", "settings.who_may_vote",
            "settings.elsewhere_may_vote", "settings.tie_rule", "settings.suspect_network",
            "settings.suspect_domain", "settings.suspect_second",
        ),
    ),
    (N_("The end"), ("settings.close_by_itself", "settings.hold_days")),
)  # fmt: skip

# A table: one entry, one action.
MARATHON = (
    Action(
        "reglages", "change_marathon",
        N_("Dates and settings"), N_("Save"), N_("The changes are saved."),
        ("title",), SETTINGS_GROUPS, stored="registration.get_desk",
    ),
    Action(
        "ville-hote", "set_host",
        N_("Choose the host town"), N_("Save"),
        N_("The host town is saved. It is secret until it is revealed."),
        ("insee", "reveal_at"), stored="registration.get_desk",
        warning=N_("Nobody but the organisers of this marathon sees it before it is revealed."),
    ),
    Action(
        "reveler-la-ville-hote", "reveal_host",
        N_("Reveal the host town"), N_("Reveal it to everybody"),
        N_("The host town is public now."),
        warning=N_("This can't be taken back: from now on everybody sees the host town."),
    ),
    Action(
        "faire-avancer", "move_marathon",
        N_("Move the marathon on"), N_("Move on"), N_("The marathon has moved on."),
        ("to", "reason", "override"),
        warning=N_("What is missing is listed on the desk. Moving on although something is "
                   "missing needs a written reason."),
    ),
    Action(
        "clore", "move_marathon",
        N_("Close the marathon"), N_("Close the marathon"),
        N_("The marathon is closed, and the relay is offered to the next host town."),
        fixed={"to": "closed"},
        warning=N_("The premises are released, the link between voters and ballots is destroyed "
                   "for good, and the relay is offered to the next host town."),
    ),
    Action(
        "annuler-le-marathon", "move_marathon",
        N_("Cancel the marathon"), N_("Cancel the marathon"), N_("The marathon is cancelled."),
        ("reason",), fixed={"to": "cancelled"}, danger=True,
        warning=N_("A cancelled marathon does not come back; the relay moves on to the next."),
    ),
    Action(
        "repondre-au-relais", "answer_relay",
        N_("Answer the offer of the relay"), N_("Answer"), N_("Your answer is sent."),
        ("answer", "reason"),
    ),
)  # fmt: skip

PROJECTS = (
    Action(
        "retenir", "decide_project",
        N_("Accept the project"), N_("Accept"), N_("Decided; it is secret until published."),
        fixed={"decision": "accepted"},
    ),
    Action(
        "mettre-en-attente", "decide_project",
        N_("Put the project on the waiting list"), N_("Waiting list"),
        N_("Decided; it is secret until published."), fixed={"decision": "waitlisted"},
    ),
    Action(
        "ne-pas-retenir", "decide_project",
        N_("Refuse the project"), N_("Refuse"), N_("Decided; it is secret until published."),
        fixed={"decision": "refused"},
    ),
    Action(
        "publier-les-decisions", "publish_decisions",
        N_("Publish all decisions together"), N_("Publish"),
        N_("The decisions are public, and everybody concerned gets a mail."),
    ),
    Action(
        "accueillir-une-equipe", "check_in",
        N_("The team is here"), N_("Here"), N_("The team is checked in."),
    ),
    Action(
        "equipe-absente", "no_show",
        N_("The team did not come"), N_("Did not come"), N_("The absence is noted."),
        danger=True,
    ),
    Action(
        "disqualifier", "disqualify_project",
        N_("Disqualify the project"), N_("Disqualify"), N_("The project is disqualified."),
        ("reason",), danger=True,
    ),
    Action(
        "associer-un-coach", "pair_coach",
        N_("Pair a coach with a team"), N_("Pair"), N_("The coach is paired with the team."),
        ("role_id",),
    ),
)  # fmt: skip

PEOPLE = (
    Action(
        "donner-un-role", "grant_role",
        N_("Give somebody a role"), N_("Give the role"), N_("The role is given."),
        ("role", "person.name", "person.email", "organisation", "siren", "elected_in",
         "president"),
    ),
    Action(
        "retirer-un-role", "revoke_role",
        N_("Take a role away"), N_("Take away"), N_("The role is taken away."), danger=True,
    ),
)  # fmt: skip

VOTE = (
    Action(
        "preparer-le-vote", "prepare_poll",
        N_("Prepare the public vote"), N_("Prepare"),
        N_("The vote is prepared with the teams confirmed so far."),
    ),
    Action(
        "codes-papier", "issue_codes",
        N_("Make paper codes"), N_("Make the codes"), "",
        ("place", "count"),
        warning=N_("The codes are shown once, on the next page: print it."),
    ),
    Action(
        "annuler-des-codes", "revoke_codes",
        N_("Revoke a batch of paper codes"), N_("Revoke"), N_("The batch is revoked."),
        danger=True,
    ),
    Action(
        "compter-un-cas", "release_case",
        N_("Count these ballots"), N_("Count them"), N_("These ballots will be counted."),
        ("reason",),
        warning=N_("You have looked at the case, and nothing is wrong with it. Your reason is "
                   "published in the record of the vote."),
    ),
    Action(
        "depouiller-quand-meme", "sign_release",
        N_("Count all the same"), N_("Sign"),
        N_("Signed once: the count follows when somebody else signs as well."),
        ("reason",), danger=True,
        warning=N_("All ballots that wait for a look are counted, once a second organiser has "
                   "signed. Your reason is published in the record of the vote."),
    ),
    Action(
        "contresigner", "sign_decision",
        N_("Give the second signature"), N_("Sign"), N_("Signed by two, and carried out."),
        given=("digest",), danger=True,
        warning=N_("With your signature it is carried out, and can't be taken back."),
    ),
    Action(
        "retirer-une-decision", "withdraw_decision",
        N_("Withdraw the decision"), N_("Withdraw"), N_("The decision is withdrawn."),
    ),
)  # fmt: skip

ACTIONS = (*MARATHON, *PROJECTS, *PEOPLE, *VOTE)
