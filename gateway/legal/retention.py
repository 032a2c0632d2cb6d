"""The table of what is kept on people, why, and how long: one, made of what is enforced (D1).

The rows and their periods come from the services that purge; here are the words. A row without
words is an error, so that nothing is kept that this page does not tell.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import timedelta

from gateway.languages import gettext as _
from gateway.languages import ngettext
from services.chassis.config import SERVICES
from services.chassis.retention import SHARED, Kept


@dataclass(frozen=True)
class Row:
    """A row as the page shows it."""

    what: str
    why: str
    until: str


def table() -> list[Row]:
    """All rows, the services' own first. Raises ``KeyError`` for one without words."""
    words = _words()
    return [Row(*words[row.name][:2], _until(row, words[row.name][2])) for row in kept()]


def kept() -> list[Kept]:
    """What is kept by all services together."""
    own = [importlib.import_module(f"services.{service}.messages").KEPT for service in SERVICES]
    return [*(row for rows in own for row in rows), *SHARED]


def _until(row: Kept, sentence: str) -> str:
    return sentence if row.period is None else f"{span(row.period)} {sentence}"


def span(period: timedelta) -> str:
    """« 24 mois », « 90 jours », « 1 heure »: in the largest unit that says it exactly."""
    minutes = int(period.total_seconds()) // 60
    days, rest = divmod(minutes, 24 * 60)
    if days and not rest:
        months = days * 12 // 365
        if days % 365 == 0:
            return ngettext("%(num)s month", "%(num)s months", months) % {"num": months}
        return ngettext("%(num)s day", "%(num)s days", days) % {"num": days}
    hours, rest = divmod(minutes, 60)
    if hours and not rest:
        return ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}
    return ngettext("%(num)s minute", "%(num)s minutes", minutes) % {"num": minutes}


Words = dict[str, tuple[str, str, str]]


def _words() -> Words:
    """By row: what is kept, why, and what the period begins with (or what ends it)."""
    return {**_people(), **_vote(), **_premises_and_jury(), **_shared()}


def _people() -> Words:
    return {
        "accounts": (
            _("Your account: name and e-mail address"),
            _("To know you when you sign in, and to write to you"),
            _("after your last sign-in, once you are in nothing that is still kept"),
        ),
        "sessions": (
            _("Your sessions (a fingerprint, no address)"),
            _("So that you stay signed in"),
            _("after the sign-in, or until you sign out"),
        ),
        "teams": (
            _("Projects and teams: who is in them, under 18 or not, requests to join, roles"),
            _("To run the marathon, and to follow the openings of shops afterwards"),
            _("after the marathon; the project’s title and its result stay"),
        ),
        "consents": (
            _("Your consents, each with when it was given or withdrawn"),
            _("To do what you agreed to, and to prove that you did"),
            _("Until your account is erased"),
        ),
    }


def _vote() -> Words:
    return {
        "register": (
            _("The register of who voted: keys, no names and no addresses"),
            _("So that nobody votes twice, and for disputes"),
            _("after the results"),
        ),
        "ballot_link": (
            _("The link between a voter’s key and their ballots"),
            _("So that your last ballot replaces the one before"),
            _("Destroyed for good when the marathon is closed, at the latest with the register"),
        ),
    }


def _premises_and_jury() -> Words:
    return {
        "contacts": (
            _("Owners of premises: name, e-mail address, telephone"),
            _("To agree on premises, keys and condition reports"),
            _("after the last marathon for which the premises were offered"),
        ),
        "cards": (
            _("Scorecards and recusals of the jury: under keys, without names"),
            _("So that the awards can be checked"),
            _("For good; the name to a key goes with the teams of its marathon"),
        ),
    }


def _shared() -> Words:
    return {
        "limits": (
            _("Internet and e-mail addresses that ask for mails, as a keyed fingerprint"),
            _("Against floods of requests"),
            _("at most, in the limiter alone"),
        ),
        "links": (
            _("The address to which a link and a code were mailed"),
            _("To know that it is you who opens the link"),
            _("at most; dropped at once when the link is used"),
        ),
        "mails": (
            _("Mails that wait to be sent"),
            _("To send them"),
            _(
                "at most, then dropped; at once when the mail server has taken them, and when the "
                "link or code in them ends"
            ),
        ),
        "answers": (
            _("Answers to commands that carry a key against double execution"),
            _("So that a repeated command is carried out once"),
            _("after the command"),
        ),
    }
