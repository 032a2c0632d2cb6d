"""How fields and their choices are called on a form, and what helps to fill them in."""

from __future__ import annotations

from gateway.field_words import field_words
from gateway.languages import gettext as _
from gateway.site import words


def label(path: str) -> str:
    """A field's label, by its dotted path, else by its name.

    Raises ``KeyError`` for a field that no form had yet: it needs words before it is shown.
    """
    words = _labels()
    return words.get(path) or words[path.rpartition(".")[2]]


def help_for(path: str) -> str:
    """What helps to fill a field in; empty where its label says enough."""
    words = _helps()
    return words.get(path) or words.get(path.rpartition(".")[2], "")


def choose() -> str:
    """The line of a list that chooses nothing yet."""
    return _("Please choose")


def choice(field: str, value: str) -> str:
    """A choice in words, by the field that offers it."""
    shared = {"kind": words.prize_kind, "tie_rule": words.tie_rule, "role": words.role_name}
    return shared[field](value) if field in shared else _choices().get(field, {}).get(value, value)


def _labels() -> dict[str, str]:
    return {
        **field_words(),
        **_project_labels(),
        **_premises_labels(),
        **_people_labels(),
        **_marathon_labels(),
        **_jury_labels(),
    }


def _project_labels() -> dict[str, str]:
    return {
        "needs.step_free": _("We need step-free access"),
        "needs.water": _("We need water"),
        "needs.power": _("We need electricity"),
        "needs.surface_m2": _("Surface needed, in m²"),
        "under_18": _("I am under 18"),
        "guardian_consent": _("My legal guardian agrees"),
    }


def _premises_labels() -> dict[str, str]:
    return {
        "owner.name": _("Owner’s name"),
        "owner.email": _("Owner’s e-mail address"),
        "owner.phone": _("Owner’s telephone"),
        "address.house_number": _("House number"),
        "address.street": _("Street"),
        "address.postal_code": _("Postal code"),
        "address.insee": _("Commune"),
        "activities": _("Activities that you accept"),
        "available.0.from_at": _("Free from"),
        "available.0.to_at": _("Free until"),
        "despite_collisions": _("Approve despite the collision"),
        "offer": _("Premises"),
    }


def _people_labels() -> dict[str, str]:
    return {
        "email": _("Your e-mail address"),
        "code": _("Code"),
        "name": _("Your name"),
        "person.name": _("Name"),
        "person.email": _("E-mail address"),
        "role_id": _("Coach"),
    }


def _marathon_labels() -> dict[str, str]:
    return {
        "insee": _("Host town"),
        "reveal_at": _("Reveal it by itself at"),
        "mobilises_at": _("Start of the mobilisation"),
        "starts_at": _("Start of the 36 hours"),
        "ends_at": _("End of the 36 hours"),
        "settings.poll_opens_at": _("Opening of the vote"),
        "settings.poll_closes_at": _("Closing of the vote"),
        "settings.who_may_vote": _("Who may vote"),
        "settings.elsewhere_may_vote": _("People from elsewhere may vote"),
        "settings.tie_rule": _("What decides a tie of the public prize"),
        "settings.suspect_network": _("Voters of one network from whom on it is looked at"),
        "settings.suspect_domain": _("Voters of one mail domain from whom on it is looked at"),
        "settings.suspect_second": _("Voters in one second from whom on it is looked at"),
        "settings.close_by_itself": _("Close by itself once the awards are published"),
        "settings.hold_days": _("Days between the awards and the closing"),
        "settings.teams_formed_by": _("Teams are formed by"),
        "opens_at": _("Opening of the vote"),
        "closes_at": _("Closing of the vote"),
        "place": _("Place"),
        "count": _("How many codes"),
        "answer": _("Your answer"),
        "to": _("Move on to"),
        "override": _("Move on although something is missing"),
    }


def _jury_labels() -> dict[str, str]:
    return {
        "abstain": _("I abstain for this project"),
        "kind": _("Kind of prize"),
        "quantity": _("How many (months, hours, euros or pieces)"),
        "donor": _("Given by"),
        "cap_eur": _("Up to, in euros"),
        "condition": _("Condition"),
        "expires_at": _("Expires at"),
        "exclusive": _("Its team gets no other prize of the jury"),
        "method": _("Score of a team"),
        "normalise": _("Even out strict and lenient jurors"),
    }


def _helps() -> dict[str, str]:
    return {
        "siren": _("Nine digits, if your structure has one."),
        "open_roles": _("One a line: cook, designer, salesperson …"),
        "activities": _("One a line; leave it empty to accept any."),
        "under_18": _("Then your legal guardian has to agree."),
        "needs.surface_m2": _("0 if it does not matter."),
        "owner.phone": _("Seen by the organiser only."),
        "owner.email": _("Seen by the organiser only."),
        "owner.name": _("Seen by the organiser only."),
        "reveal_at": _("Empty: when you press the button. Until then nobody else sees it."),
        "place": _("For example: town hall, market."),
        "settings.suspect_network": _(
            "Empty: 100, more in a large vote. What is looked at is not rejected."
        ),
        "settings.suspect_domain": _(
            "Empty: 50, more in a large vote. Common providers are left out."
        ),
        "settings.suspect_second": _("Empty: 30, more in a large vote."),
        "to": _("Move on to"),
        "override": _("With a written reason, which stays in the log."),
    }


def _choices() -> dict[str, dict[str, str]]:
    return {
        "step_free": {"yes": _("Yes"), "partly": _("Partly"), "no": _("No")},
        "decision": {
            "accepted": _("Accept"),
            "waitlisted": _("Waiting list"),
            "refused": _("Refuse"),
        },
        "answer": {"accepted": _("Accept"), "refused": _("Refuse")},
        "who_may_vote": {
            "everyone": _("Everyone"),
            "not_team": _("Everyone but team members"),
            "not_team_nor_jury": _("Everyone but team members and jurors"),
        },
        "method": {
            "mean": _("Mean"),
            "median": _("Median"),
            "trimmed_mean": _("Mean without the highest and the lowest"),
        },
    }
