"""Leg notices: what we tell all partners of our own legs and of the grants that we hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select

from services.chassis.work import Work
from services.registration import batons, marathons
from services.registration.partners import bodies, chain, outgoing, sharing
from services.registration.tables import Cycle, Marathon, Project

log = structlog.get_logger()

EVERY = timedelta(minutes=10)
"""However quiet it is, partners are told everything again so often."""


def refresh(work: Work, cycle: Cycle) -> None:
    """Tells the partners what changed, or everything again after a while; else nothing."""
    if not is_due(work, cycle):
        return
    told = content(work, cycle)
    for partner in sharing.others(work, cycle):
        send(work, cycle, partner, told)
    cycle.noticed, cycle.noticed_at = _digest(told), work.now


def is_due(work: Work, cycle: Cycle) -> bool:
    """Whether something may have changed since the partners were told, or it is long ago."""
    late = cycle.noticed_at is None or work.now - cycle.noticed_at >= EVERY
    return late or cycle.noticed is None


def ask(work: Work, cycle: Cycle) -> None:
    """Tells all partners everything, and asks what they know."""
    told = content(work, cycle)
    for partner in sharing.others(work, cycle):
        send(work, cycle, partner, told, asks=work.run)


def send_question(work: Work, cycle: Cycle, partner: str) -> None:
    """Asks one partner, unless a notice to it is on its way already."""
    if outgoing.unsent_notice(work, cycle.id, partner) is None:
        send(work, cycle, partner, content(work, cycle), asks=work.run)


def answer(work: Work, cycle: Cycle, partner: str, nonce: str, asks: str | None = None) -> None:
    """Answers a partner's question with everything, and may ask it back."""
    send(work, cycle, partner, content(work, cycle), asks, answers=nonce)


def send(
    work: Work,
    cycle: Cycle,
    partner: str,
    told: dict[str, Any],
    asks: str | None = None,
    answers: str | None = None,
) -> None:
    """Sends a notice, in the place of one that has not gone yet."""
    unsent = outgoing.unsent_notice(work, cycle.id, partner)
    before: dict[str, Any] = unsent.document["body"] if unsent is not None else {}
    outgoing.forget_notices(work, cycle.id, partner)
    latest = batons.latest(work, cycle.id)
    values = {
        **told,
        "asks": asks or before.get("asks"),
        "answers": answers or before.get("answers"),
    }
    at = (cycle.id, latest.term if latest else 0, latest.hop if latest else 0)
    for lighter in _ever_lighter(values):
        try:
            outgoing.send(work, partner, "leg.notice", at, lighter)
            return
        except ValueError as error:
            # Whatever grew too large must not undo what we are about to tell.
            log.warning("notice_too_large", partner=partner, cycle=cycle.id, error=str(error))


def _ever_lighter(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A notice, and what of it can be told if it is too large: the grants are what counts."""
    yield values
    yield {**values, "legs": [{**leg, "palmares": None} for leg in values["legs"]]}
    yield {**values, "legs": []}


def _digest(told: dict[str, Any]) -> str:
    written = bodies.dump("leg.notice", {**told, "asks": None, "answers": None})
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()


def content(work: Work, cycle: Cycle) -> dict[str, Any]:
    """Everything there is to tell: nothing of a draft, of a person, of a town unrevealed."""
    legs = marathons.of_cycle(work, cycle.id)
    shown = [leg for leg in legs if _is_told(work, cycle, leg)]
    return {
        "legs": [leg_shown(work, leg) for leg in shown],
        "chain": chain.documents(work, cycle),
    }


def _is_told(work: Work, cycle: Cycle, leg: Marathon) -> bool:
    if leg.state == "draft":
        return False
    if leg.operated_by == sharing.me(work):
        return True
    # The joint body's word that a leg elsewhere is given up.
    return (
        leg.state == "cancelled"
        and sharing.joint_body(cycle) == sharing.me(work)
        and leg.reason is not None
    )


def leg_shown(work: Work, leg: Marathon) -> dict[str, Any]:
    """What everybody may know of a leg."""
    host = marathons.revealed_host(work, leg.id)
    return {
        "marathon": leg.id,
        "leg": leg.leg,
        "state": leg.state,
        "epoch": work.epoch(),
        "version": max(1, work.version("marathon", leg.id)),
        "title": leg.title,
        "host_insee": host.insee if host else None,
        "host_name": host.name if host else None,
        **{name: getattr(leg, name) for name in ("mobilises_at", "starts_at", "ends_at")},
        "closed_at": leg.closed_at,
        "reason": leg.reason,
        "palmares": palmares_shown(work, leg),
    }


def palmares_shown(work: Work, leg: Marathon) -> dict[str, Any] | None:
    """The published palmarès with titles only, as a leg that is over has it."""
    published = [
        one
        for one in work.copies("palmares", leg.id)
        if leg.palmares is not None and one["digest"] == leg.palmares["digest"]
    ]
    if not published:
        return None
    one = published[-1]
    titles = _titles(work, leg.id)
    ranks: dict[int, list[str]] = {}
    for entry in one["ranks"]:
        if entry["rank"] is not None and entry["project"] in titles:
            ranks.setdefault(entry["rank"], []).append(titles[entry["project"]])
    return {
        "number": one["number"],
        "digest": one["digest"],
        "ranks": [{"rank": rank, "projects": sorted(ranks[rank])} for rank in sorted(ranks)],
        "prizes": [
            {"prize": prize["title"][:200], "project": titles.get(prize["project"])}
            for prize in one["prizes"]
        ],
        "public_winners": sorted(
            titles[project] for project in one["public_winners"] if project in titles
        ),
    }


def _titles(work: Work, marathon: str) -> dict[str, str]:
    query = select(Project.id, Project.title).where(Project.marathon == marathon)
    return {row.id: row.title for row in work.session.execute(query)}
