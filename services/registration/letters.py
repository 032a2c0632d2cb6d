"""What registration writes to people; the texts are in ``data/letters``.

Nothing here decides anything: who gets which letter when is decided where it is written from.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from services.chassis.letters import Letters
from services.chassis.work import Work
from services.registration.tables import Person

LETTERS = Letters(Path(__file__).with_name("data") / "letters")


def write(
    work: Work,
    to: str,
    letter: str,
    language: str | None,
    expires_at: datetime | None = None,
    /,
    **values: Any,
) -> None:
    """Puts a letter in the mail outbox, in this transaction; ``language`` None is French.

    ``expires_at`` is when the link or code in it ends.
    """
    written = LETTERS.write(letter, language, work.settings.public_url, **values)
    work.mail(to, written, expires_at)


def write_to(work: Work, key: str, letter: str, /, **values: Any) -> None:
    """The same to a person by key, in the language they last used; an erased one gets nothing."""
    person = work.session.get(Person, key)
    if person is not None and person.email is not None:
        write(work, person.email, letter, person.language, **values)


def project_link(work: Work, project: str) -> str:
    """The address of a project's page."""
    return f"{work.settings.public_url}/projets/{project}"
