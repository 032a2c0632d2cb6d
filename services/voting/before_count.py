"""Who may change which ballots are counted, and until when: organisers, before the count (V9)."""

from __future__ import annotations

from services.chassis.errors import Refusal
from services.chassis.work import Work
from services.voting import polls
from services.voting.tables import Poll


def seen(work: Work, poll: str) -> Poll:
    """A poll, for an organiser of its marathon. Raises ``NotFound``, ``Forbidden``."""
    found = polls.find(work, poll)
    work.actor.must("organiser", found.marathon)
    return found


def held(work: Work, poll: str) -> Poll:
    """A poll that is not counted, for an organiser of its marathon in person.

    Nobody votes, closes, counts or signs until the transaction's end. Raises what :func:`seen`
    raises, and ``Refusal`` "signature_of_a_person", "poll_not_open" or "poll_counted".
    """
    marathon = seen(work, poll).marathon
    if work.actor.key is None:
        raise Refusal(
            "signature_of_a_person",
            "Un programme ne signe pas : cette décision se prend en son nom.",
            "Connectez-vous en votre nom.",
            403,
        )
    work.lock(f"marathon:{marathon}")
    found = polls.of_marathon(work, marathon)
    if found is None:
        raise AssertionError("polls are never deleted")
    must_not_be_counted(found)
    return found


def must_not_be_counted(poll: Poll) -> None:
    """Raises ``Refusal`` "poll_not_open" or "poll_counted"."""
    if poll.state in ("draft", "prepared"):
        raise Refusal(
            "poll_not_open",
            "Le vote n’est pas encore ouvert.",
            "Revenez à l’heure d’ouverture.",
        )
    if poll.state not in ("open", "closed"):
        raise Refusal(
            "poll_counted",
            "Le scrutin est dépouillé : plus rien ne s’annule.",
            state=poll.state,
        )
