"""The record of a poll: what was counted, so that anybody can check it (RULES V5, V8)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.errors import Refusal
from services.chassis.paging import Answer, Page
from services.chassis.work import Work
from services.voting import box_file, codes, decisions, lanes, polls, quarantine
from services.voting.count import Outcome, record_digest
from services.voting.tables import BoxRow, Poll

FORMAT = 1


def write(work: Work, poll: Poll, outcome: Outcome) -> dict[str, Any]:
    """The record as JSON-able values; its figures add up."""
    return {
        "format": FORMAT,
        "poll": poll.id,
        "marathon": poll.marathon,
        "projects": poll.projects,
        "opens_at": poll.opens_at.isoformat() if poll.opens_at else None,
        "closes_at": poll.closes_at.isoformat() if poll.closes_at else None,
        "who_may_vote": poll.who_may_vote,
        "elsewhere_may_vote": poll.elsewhere_may_vote,
        "rule": poll.rule,
        "voters": polls.voters(work, poll),
        "code_batches": codes.summary(work, poll),
        "intake": lanes.summary(work, poll),
        "suspicion": poll.suspicion,
        "quarantine": quarantine.summary(work, poll),
        "decisions": decisions.summary(work, poll),
        "accepted": outcome.accepted,
        "counted_ballots": outcome.counted_ballots,
        "replaced": outcome.replaced,
        "invalidated": outcome.invalidated,
        "spoilt": outcome.spoilt,
        "raw": outcome.raw,
        "counted": outcome.counted,
        "tie": outcome.tie,
        "winners": list(outcome.winners),
        "seed": outcome.seed,
        "receipts_digest": outcome.receipts_digest,
        "box_digest": outcome.box_digest,
    }


def tally(record: dict[str, Any]) -> dict[str, Any]:
    """What ``poll_counted`` carries."""
    names = ("accepted", "counted_ballots", "replaced", "invalidated", "spoilt")
    more = ("raw", "counted", "tie", "winners", "seed", "box_digest")
    return {
        **{name: record[name] for name in (*names, *more)},
        "record_digest": record_digest(record),
    }


def get(work: Work, poll: str) -> dict[str, Any]:
    """The record of a counted poll and its digest."""
    found, record = _counted(polls.find(work, poll))
    return {
        "poll": found.id,
        "marathon": found.marathon,
        "record": record,
        "digest": record_digest(record),
    }


def check_receipt(work: Work, poll: str, receipt: str) -> dict[str, Any]:
    """Whether a receipt was counted; the same answer before and after the link is destroyed."""
    found, _ = _counted(polls.find(work, poll))
    row = work.session.get(BoxRow, (found.id, "".join(receipt.split()).lower()))
    return {"poll": found.id, "receipt": receipt, "counted": row is not None}


def list_receipts(work: Work, poll: str, page: Page) -> Answer:
    """A page of the counted trackers, sorted."""
    found, record = _counted(polls.find(work, poll))
    query = select(BoxRow).where(BoxRow.poll == found.id)
    return {
        **page.rows(work.session, query, (BoxRow.tracker,), lambda row: row.tracker),
        "total": record["counted_ballots"],
        "digest": record["receipts_digest"],
    }


def get_box(work: Work, poll: str) -> dict[str, Any]:
    """Where the box's file is, for the organiser and the scrutineers (RULES V8).

    Not for everybody: whoever was shown a voter's receipt could find the choice in it. Raises
    ``Refusal("box_not_stored")`` in the moment between the count and its file.
    """
    found = polls.find(work, poll)
    if not work.actor.has("scrutineer", found.marathon):
        work.actor.must("organiser", found.marathon)
    found, record = _counted(found)
    if found.box_stored_at is None:
        raise Refusal(
            "box_not_stored",
            "Le fichier de l’urne est en cours d’écriture.",
            "Réessayez dans une minute.",
        )
    return {
        "key": box_file.key_of(found.id),
        "name": f"urne-{found.marathon}.csv",
        "digest": record["box_digest"],
    }


def results(work: Work, marathon: str) -> dict[str, Any]:
    """The outcome of a marathon's poll, most votes first."""
    found, record = _counted(polls.find(work, marathon=marathon))
    return {
        **record,
        "poll": found.id,
        "results": _lines(work, found, record),
        "winners": _winners(work, found, record),
        "counted_at": found.counted_at,
        "record_digest": record_digest(record),
    }


def _lines(work: Work, poll: Poll, record: dict[str, Any]) -> list[dict[str, Any]]:
    titles = {p["id"]: p["title"] for p in work.copies("project", poll.marathon)}
    lines = [
        {
            "project": project,
            "title": titles.get(project, ""),
            "raw": raw,
            "counted": record["counted"].get(project, 0),
            "spoilt": project not in record["counted"],
        }
        for project, raw in record["raw"].items()
    ]
    return sorted(lines, key=lambda line: (-line["counted"], line["title"], line["project"]))


def _winners(work: Work, poll: Poll, record: dict[str, Any]) -> list[str]:
    """The winners; where the jury's order decides a tie, those of the palmarès once it is out."""
    tied: list[str] = record["winners"]
    if not record["tie"] or poll.rule != "jury_order":
        return tied
    published = work.copies("palmares", poll.marathon)
    named = [p for palmares in published for p in palmares["public_winners"] if p in tied]
    return named or tied


def _counted(poll: Poll) -> tuple[Poll, dict[str, Any]]:
    """The poll and its record. Raises ``Refusal`` "poll_void" or "poll_not_counted" (RULES V6)."""
    polls.must_not_be_void(poll)
    if poll.state != "counted" or poll.record is None:
        raise Refusal(
            "poll_not_counted",
            "Le scrutin n’est pas encore dépouillé : personne ne connaît les résultats.",
            "Revenez après la clôture du vote.",
            state=poll.state,
        )
    return poll, poll.record
