"""The palmarès: published in editions, each with its digest, none ever edited (RULES J7)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import select

from services.chassis.errors import Invalid, NotFound, Refusal
from services.chassis.work import Work
from services.jury import deliberation, panels, prizes, standing
from services.jury.deliberation import Ranks
from services.jury.standing import Standing
from services.jury.tables import Edition, Panel

OVER = ("counted", "void")


def publish(work: Work, marathon: str, reason: str | None) -> Edition:
    """Publishes the palmarès, or a correction of it as a new edition, and says so.

    Raises ``Refusal`` "palmares_not_open", "poll_not_counted", "awards_invalid",
    "projects_pending", "placement_impossible", "palmares_unchanged"; ``Invalid``
    "reason_missing" for a correction without a written reason.
    """
    work.actor.must("organiser", marathon)
    message = "Le palmarès se publie après la fin du marathon et avant sa clôture."
    panel = panels.at_work(work, marathon, panels.AFTER_THE_END, "palmares_not_open", message)
    who = standing.of(work, panel)
    poll = poll_of(work, marathon)
    _must_be_ready(work, marathon, who, poll)
    before = standing.last_edition(work, panel)
    why = (reason or "").strip()
    if before is not None and not why:
        raise Invalid("reason_missing", "Corriger un palmarès publié demande un motif écrit.")
    document = _document(work, panel, who, poll, before)
    _must_differ(document, before)
    edition = _add(work, panel, document, _record(work, panel, who), why)
    work.say("palmares_published", edition.palmares, said_state(edition))
    return edition


def said_state(edition: Edition) -> dict[str, Any]:
    """A palmarès' whole public state: the digested document, its instant, its digest."""
    return edition.document | {
        "published_at": edition.published_at,
        "digest": edition.digest,
    }


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 of a document as canonical JSON: UTF-8, sorted keys, no spaces."""
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def view(work: Work, marathon: str, number: int | None) -> dict[str, Any]:
    """The newest edition, or the one asked for. Raises ``NotFound`` before the first."""
    panel = panels.of_marathon(work, marathon)
    editions = _editions(work, panel) if panel else []
    wanted = [item for item in editions if number in (None, item.number)]
    if not wanted:
        raise NotFound("palmares", marathon)
    edition = wanted[-1]
    known = {project["id"]: project for project in work.copies("project", marathon)}
    return said_state(edition) | {
        "ranks": [_named(line, known) for line in edition.document["ranks"]],
        "prizes": [_named(line, known) for line in edition.document["prizes"]],
        "reason": edition.reason,
        "document": edition.document,
        "editions": editions,
    }


def poll_of(work: Work, marathon: str) -> dict[str, Any] | None:
    """The marathon's poll, as voting last said it."""
    polls = work.copies("poll", marathon)
    return polls[0] if polls else None


def _must_be_ready(work: Work, marathon: str, who: Standing, poll: dict[str, Any] | None) -> None:
    if poll is not None and poll["state"] not in OVER:
        raise Refusal(
            "poll_not_counted",
            "Le vote du public n’est pas encore dépouillé.",
            "Attendez la clôture du vote et son dépouillement.",
        )
    if not standing.are_complete(work, marathon):
        raise Refusal(
            "projects_pending",
            "Des nouvelles de certains projets sont encore en route.",
            "Réessayez dans quelques secondes.",
        )
    problems = prizes.invalid(work, marathon, who.eligible)
    if problems:
        raise Refusal(
            "awards_invalid",
            "Un prix est décerné à une équipe qui ne peut pas, ou plus, le recevoir.",
            "Reprenez ce prix ou décernez-le à une autre équipe.",
            awards=problems,
        )


def _document(
    work: Work,
    panel: Panel,
    who: Standing,
    poll: dict[str, Any] | None,
    before: Edition | None,
) -> dict[str, Any]:
    ranks = deliberation.of(work, panel, who).ranks
    tally, rule = (poll["tally"], poll["rule"]) if poll else (None, "shared")
    winners = prizes.public_winners(tally, rule, who.eligible, ranks)
    return {
        "id": before.palmares if before else work.new_id(),
        "marathon": panel.marathon,
        "number": before.number + 1 if before else 1,
        "published_at": work.now.isoformat(),
        "ranks": _ranks(who, ranks),
        "prizes": _prizes(work, panel.marathon, winners),
        "public_winners": winners,
        "record_digest": tally["record_digest"] if tally else None,
    }


def _ranks(who: Standing, ranks: Ranks) -> list[dict[str, Any]]:
    lines = [
        {"project": project, "rank": rank, "shared": shared}
        for project in who.eligible
        for rank, shared in [ranks.get(project, (None, False))]
    ]
    return sorted(lines, key=lambda line: (line["rank"] is None, line["rank"], line["project"]))


def _prizes(work: Work, marathon: str, winners: list[str]) -> list[dict[str, Any]]:
    given = prizes.awards(work, marathon)
    return [
        {
            "id": prize.id,
            "kind": prize.kind,
            "title": prize.title,
            "project": project,
            "premises": prize.premises,
        }
        for prize in prizes.of_marathon(work, marathon)
        for project in (winners if prize.kind == prizes.PUBLIC else [given.get(prize.id)])
        if project is not None
    ]


def _record(work: Work, panel: Panel, who: Standing) -> dict[str, Any]:
    """What the edition was made from, so that it can be shown when the facts have moved on."""
    return {
        "jurors": list(who.jurors),
        "eligible": {project: list(keys) for project, keys in who.eligible.items()},
        "recusals": panels.recusals(work, panel),
        "outcome": deliberation.lines(work, panel, who),
    }


def _must_differ(document: dict[str, Any], before: Edition | None) -> None:
    dated = {"number", "published_at"}
    if before is not None and all(
        before.document[name] == value for name, value in document.items() if name not in dated
    ):
        raise Refusal("palmares_unchanged", "Rien n’a changé depuis l’édition publiée.")


def _add(
    work: Work, panel: Panel, document: dict[str, Any], record: dict[str, Any], reason: str
) -> Edition:
    edition = Edition(
        panel=panel.id,
        number=document["number"],
        palmares=document["id"],
        digest=digest_of(document),
        document=document,
        record=record,
        reason=reason or None,
        by_key=work.actor.key,
        published_at=work.now,
    )
    work.session.add(edition)
    work.session.flush()
    return edition


def _editions(work: Work, panel: Panel) -> list[Edition]:
    query = select(Edition).where(Edition.panel == panel.id).order_by(Edition.number)
    return list(work.session.scalars(query))


def _named(line: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    project = known.get(line["project"])
    return line | {
        "project_title": project["title"] if project else "",
        "team_number": project["team_number"] if project else None,
    }
