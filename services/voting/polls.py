"""Polls: drafted with the marathon, prepared by its organiser, followed until they open."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from services.chassis.errors import NotFound, Refusal
from services.chassis.work import Work
from services.voting import candidates, window
from services.voting.shapes import SUSPICIONS
from services.voting.tables import Entry, Poll, PollSecret, Voter


def find(work: Work, poll: str | None = None, marathon: str | None = None) -> Poll:
    """A poll by its id or its marathon. Raises :class:`NotFound`."""
    query = select(Poll).where(Poll.id == poll if poll else Poll.marathon == marathon)
    found = work.session.scalar(query)
    if found is None:
        raise NotFound("poll", poll or marathon or "")
    return found


def of_marathon(work: Work, marathon: str) -> Poll | None:
    """A marathon's poll, locked against every change until the transaction's end."""
    query = select(Poll).where(Poll.marathon == marathon).with_for_update()
    return work.session.scalar(query.execution_options(populate_existing=True))


def held(work: Work, poll: str) -> Poll:
    """A poll that can't close before the transaction's end; others may hold it too.

    So a ballot that was accepted in time is there before the count begins.
    """
    query = select(Poll).where(Poll.id == poll).with_for_update(read=True)
    return work.session.scalars(query.execution_options(populate_existing=True)).one()


def secret_of(work: Work, poll: Poll) -> str:
    """The poll's secret. Raises ``Refusal("poll_unlinked")`` once it is destroyed (RULES V7)."""
    found = work.session.scalar(select(PollSecret.secret).where(PollSecret.poll == poll.id))
    if found is None:
        raise Refusal(
            "poll_unlinked",
            "Ce scrutin est terminé et le lien entre votants et bulletins a été détruit.",
        )
    return found


def draft(work: Work, marathon: dict[str, Any]) -> Poll:
    """A new poll of a marathon, with a secret of its own."""
    poll = Poll(id=work.new_id(), marathon=marathon["id"], state="draft", projects=[])
    follow(work, poll, marathon)
    work.session.add(poll)
    work.session.flush()
    work.session.add(PollSecret(poll=poll.id, secret=work.secret_token(32)))
    return poll


def prepare(
    work: Work, marathon: str, opens_at: datetime | None, closes_at: datetime | None
) -> Poll:
    """Prepares a marathon's poll with the projects that stand now, and says so.

    An instant that is given goes before the marathon's own, until that one changes. Raises
    ``Refusal("poll_not_preparable")`` once it has opened and ``Refusal("poll_incomplete")``
    with all that is missing.
    """
    work.actor.must("organiser", marathon)
    work.lock(f"marathon:{marathon}")
    state, poll = work.copy("marathon", marathon), of_marathon(work, marathon)
    if state is None or poll is None:
        raise NotFound("poll", marathon)
    if poll.state not in ("draft", "prepared"):
        raise Refusal(
            "poll_not_preparable",
            "Ce scrutin est déjà ouvert ou terminé : il ne se prépare plus.",
            "Pour changer l’heure de clôture, modifiez les réglages du marathon.",
            state=poll.state,
        )
    poll.asked_opens_at, poll.asked_closes_at = opens_at, closes_at
    poll.asked_over = window.plan(state) if opens_at or closes_at else None
    follow(work, poll, state)
    _must_be_complete(window.declared(poll, state), poll, work.now)
    poll.state = "prepared"
    work.say("poll_prepared", poll.id, state_of(poll))
    return poll


def follow(work: Work, poll: Poll, marathon: dict[str, Any]) -> bool:
    """Brings a poll that has not opened up to date; answers whether anything changed."""
    settings = marathon["settings"]
    wanted: dict[str, Any] = {
        "rule": settings["tie_rule"],
        "who_may_vote": settings["who_may_vote"],
        "elsewhere_may_vote": settings["elsewhere_may_vote"],
        "suspicion": {kind: settings[f"suspect_{kind}"] for kind in SUSPICIONS},
        "projects": candidates.projects_now(work, poll.marathon),
    }
    instants = window.declared(poll, marathon)
    if instants.is_sound or poll.state == "draft":
        wanted["opens_at"], wanted["closes_at"] = instants
        wanted["declared_closes_at"] = instants.closes_at
    changed = any(getattr(poll, name) != value for name, value in wanted.items())
    for name, value in wanted.items():
        setattr(poll, name, value)
    return changed


def state_of(poll: Poll) -> dict[str, Any]:
    """A poll's whole public state, as it is said."""
    return {
        "id": poll.id,
        "marathon": poll.marathon,
        "state": poll.state,
        "projects": poll.projects,
        "opens_at": poll.opens_at,
        "closes_at": poll.closes_at,
        "rule": poll.rule,
        "received": poll.received,
        "quarantined": poll.quarantined,
        "tally": poll.tally,
    }


def view(work: Work, poll: Poll, visitor: str = "", with_voters: bool = True) -> dict[str, Any]:
    """A poll as a visitor sees it: nothing in it depends on what was voted (RULES V6).

    Counting who has voted takes a look at each; a page that does not tell it does without.
    """
    marathon = work.copy("marathon", poll.marathon)
    standing = candidates.standing(work, poll)
    return {
        "id": poll.id,
        "marathon": poll.marathon,
        "title": marathon["title"] if marathon else "",
        "state": poll.state,
        "open": window.is_open(poll, marathon, work.now),
        "opens_at": poll.opens_at,
        "closes_at": poll.closes_at,
        "rule": poll.rule,
        "who_may_vote": poll.who_may_vote,
        "elsewhere_may_vote": poll.elsewhere_may_vote,
        "candidates": candidates.in_order_for(visitor, poll.id, standing),
        "voters": voters(work, poll) if with_voters else None,
    }


def voters(work: Work, poll: Poll) -> int:
    """How many have voted; as recorded once counted, for the register goes (RULES D1)."""
    if poll.record is not None:
        return int(poll.record["voters"])
    table: type[Entry | Voter] = Voter if poll.unlinked_at else Entry
    query = select(func.count()).select_from(table).where(table.poll == poll.id)
    return work.session.scalar(query) or 0


def must_be_open(poll: Poll, now: datetime) -> None:
    """Raises ``Refusal`` "poll_not_open" before the window and "poll_closed" after it, and
    "poll_void" at any time."""
    must_not_be_void(poll)
    if poll.state in ("draft", "prepared") or (poll.opens_at and now < poll.opens_at):
        raise Refusal(
            "poll_not_open",
            "Le vote n’est pas encore ouvert.",
            "Revenez à l’heure d’ouverture.",
            opens_at=poll.opens_at.isoformat() if poll.opens_at else None,
        )
    if poll.state != "open" or (poll.closes_at and now >= poll.closes_at):
        raise Refusal("poll_closed", "Le vote est clos.", "Les résultats seront publiés ici.")


def must_not_be_void(poll: Poll) -> None:
    """Raises ``Refusal("poll_void")`` once it is cancelled: it neither takes ballots nor counts."""
    if poll.state == "void":
        raise Refusal("poll_void", "Ce scrutin est annulé.")


def _must_be_complete(instants: window.Window, poll: Poll, now: datetime) -> None:
    missing = []
    if not poll.projects:
        missing.append("projects")
    if not instants.is_sound:
        missing.append("window")
    elif instants.closes_at and instants.closes_at <= now:
        missing.append("time_to_vote")
    if missing:
        raise Refusal(
            "poll_incomplete",
            "Il manque au scrutin des projets confirmés ou une période de vote à venir.",
            "Complétez ce qui manque, puis préparez le scrutin de nouveau.",
            missing=missing,
        )
