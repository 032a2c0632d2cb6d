"""What registration writes to people: each letter's subject and text, in French.

Nothing here decides anything: who gets which letter when is decided where it is written from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.chassis.work import Work
from services.registration.tables import Person

PARIS = ZoneInfo("Europe/Paris")  # stored in UTC, shown in Paris (RULES C3)


def write(work: Work, to: str, letter: str, **values: Any) -> None:
    """Puts a letter in the mail outbox, in this transaction; instants are shown in Paris time."""
    subject, text = LETTERS[letter]
    shown = {name: _shown(value) for name, value in values.items()}
    work.mail(to, subject.format(**shown), text.format(**shown))


def write_to(work: Work, key: str, letter: str, **values: Any) -> None:
    """The same to a person by key; an erased one gets nothing."""
    person = work.session.get(Person, key)
    if person is not None and person.email is not None:
        write(work, person.email, letter, **values)


def project_link(work: Work, project: str) -> str:
    """The address of a project's page."""
    return f"{work.settings.public_url}/projets/{project}"


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(PARIS).strftime("%d/%m/%Y à %H h %M")
    return value


CONFIRM = """\
Confirmez votre participation avant le {confirm_by} :
{link}

Sans confirmation, la place revient à un projet de la liste d’attente.
"""

LETTERS: Mapping[str, tuple[str, str]] = {
    "sign_in": (
        "Votre lien de connexion",
        """\
Bonjour,

Ouvrez ce lien, puis appuyez sur le bouton de la page pour vous connecter :
{link}

ou saisissez ce code sur la page de connexion : {code}

Le lien et le code servent une fois et expirent dans {minutes} minutes.

Vous n’avez rien demandé ? Ignorez ce message : personne ne se connecte sans lui.
""",
    ),
    "accepted": (
        "Votre projet « {title} » est retenu",
        "Bonjour,\n\nVotre projet « {title} » est retenu pour {marathon}.\n\n" + CONFIRM,
    ),
    "moved_up": (
        "Une place se libère pour votre projet « {title} »",
        "Bonjour,\n\nVotre projet « {title} » était sur liste d’attente pour {marathon} : "
        "une place se libère, il est retenu.\n\n" + CONFIRM,
    ),
    "waitlisted": (
        "Votre projet « {title} » est sur liste d’attente",
        """\
Bonjour,

Votre projet « {title} » est sur la liste d’attente de {marathon}. Nous vous écrirons dès
qu’une place se libère.
""",
    ),
    "refused": (
        "Votre projet « {title} » n’est pas retenu",
        """\
Bonjour,

Votre projet « {title} » n’est pas retenu pour {marathon}. Merci d’avoir participé ; vous
pouvez le présenter à un autre marathon de la saison.
""",
    ),
    "reminder": (
        "Rappel : confirmez votre projet « {title} »",
        "Bonjour,\n\nVotre projet « {title} » est retenu pour {marathon}, mais vous n’avez pas "
        "encore confirmé.\n\n" + CONFIRM,
    ),
    "expired": (
        "Votre projet « {title} » n’a pas été confirmé à temps",
        """\
Bonjour,

Votre projet « {title} » n’a pas été confirmé à temps pour {marathon} : sa place revient à
un autre projet.
""",
    ),
    "join_requested": (
        "{name} souhaite rejoindre votre équipe « {title} »",
        """\
Bonjour,

{name} souhaite rejoindre l’équipe de votre projet « {title} ». Répondez ici :
{link}
""",
    ),
    "join_accepted": (
        "Vous êtes dans l’équipe « {title} »",
        "Bonjour,\n\nL’équipe du projet « {title} » vous accueille :\n{link}\n",
    ),
    "join_refused": (
        "Votre demande pour l’équipe « {title} »",
        """\
Bonjour,

L’équipe du projet « {title} » n’a pas retenu votre demande. D’autres équipes cherchent
peut-être encore quelqu’un comme vous.
""",
    ),
}
