"""Packages that come in: verified, taken once, refused with a verdict and a reason.

Every effect is in one transaction with the row that says that the package was taken. A refused
one leaves no such row: it may come again when its key, its cycle or what is before it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select

from services.chassis.work import Work
from services.registration import relay as relays
from services.registration.partners import (
    chain,
    hearing,
    notices,
    outgoing,
    refusals,
    sharing,
)
from services.registration.partners import (
    package as packages,
)
from services.registration.partners.package import Package, Rejected
from services.registration.tables import Cycle, HeardFrom, PackageIn

KEPT = packages.OLDEST + packages.AHEAD
MOST_KEPT = 1000
"""So many packages of one partner are taken in that time: a relay needs a few for each hop."""


@dataclass(frozen=True)
class Receipt:
    """What became of a package; ``reason`` is for the log of its sender."""

    id: str | None
    verdict: str
    reason: str | None = None


def receive(work: Work, given: bytes | str | Mapping[str, Any], via: str | None = None) -> Receipt:
    """Takes a package, or says why not; never raises for what was sent.

    ``via`` is the partner on whose channel it came, where the transport knows it.
    """
    document: dict[str, Any] = {}
    try:
        document = _parsed(given)
        return _receive(work, document, via)
    except Rejected as refused:
        _record(work, document, via, refused)
        return Receipt(_text(document.get("id")), refused.verdict, refused.reason)


def _parsed(given: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(given, str):
        given = given.encode("utf-8", "surrogatepass")
    return packages.parse(given) if isinstance(given, bytes) else packages.parse_value(given)


def _record(work: Work, document: dict[str, Any], via: str | None, refused: Rejected) -> None:
    sender = via or _text(document.get("from"))
    kind, cycle = _text(document.get("kind")), _text(document.get("cycle"))
    refusals.note(work, sender, refused, kind, cycle)


def _text(value: Any) -> str | None:
    return value[:64] if isinstance(value, str) else None


def _receive(work: Work, document: dict[str, Any], via: str | None) -> Receipt:
    found = packages.open_document(
        document, me=sharing.me(work), now=work.now, find_key=sharing.find_key(work)
    )
    if via is not None and via != found.sender:
        raise Rejected("wrong_channel", f"{found.sender} signed it, {via} sent it")
    _note_heard(work, found.sender)
    cycle = _cycle_of(work, found)
    digest = packages.digest_of(document)
    if _was_taken(work, found, digest):
        outgoing.again(work, found.sender, found.id)
        return Receipt(found.id, "repeated")
    _must_be_few(work, found)
    _take(work, cycle, found, document)
    if found.kind != "leg.notice":
        _keep(work, found, digest)
    return Receipt(found.id, "accepted")


def _note_heard(work: Work, sender: str) -> None:
    row = work.session.get(HeardFrom, sender) or HeardFrom(partner=sender)
    row.at = work.now
    work.session.add(row)


def _cycle_of(work: Work, found: Package) -> Cycle:
    """The package's cycle, locked with all of its marathons."""
    row = work.session.get(Cycle, found.cycle)
    if row is None or not sharing.is_shared(work, row):
        raise Rejected("unknown_cycle", f"{found.cycle} is not shared here")
    if found.sender not in sharing.others(work, row):
        raise Rejected("not_allowed", f"{found.sender} takes no part in this cycle")
    relays.lock_all(work, found.cycle)
    return relays.locked_cycle(work, found.cycle)


def _was_taken(work: Work, found: Package, digest: str) -> bool:
    row = work.session.get(PackageIn, (found.sender, found.id))
    if row is not None and row.digest != digest:
        raise Rejected("same_id_other_content", "another package of this id was taken before")
    return row is not None


def _must_be_few(work: Work, found: Package) -> None:
    """Each leaves rows, an answer, perhaps a letter: who floods is taken at its word no more.

    Notices leave nothing, and go on.
    """
    query = select(func.count()).select_from(PackageIn).where(PackageIn.sender == found.sender)
    if found.kind != "leg.notice" and (work.session.scalar(query) or 0) >= MOST_KEPT:
        raise Rejected("too_many", f"more than {MOST_KEPT} of this sender in {KEPT.days} days")


def _keep(work: Work, found: Package, digest: str) -> None:
    row = PackageIn(sender=found.sender, id=found.id, digest=digest)
    row.kind, row.cycle, row.at = found.kind, found.cycle, work.now
    work.session.add(row)
    work.session.flush()


def _take(work: Work, cycle: Cycle, found: Package, document: dict[str, Any]) -> None:
    try:
        has_news = hearing.hear(work, cycle, found, document)
    except Rejected as refused:
        if refused.verdict == "early":
            # What is before it is in its sender's chain.
            notices.send_question(work, cycle, found.sender)
        # What a refused one proved of others may have an effect.
        follow(work, cycle)
        raise
    if has_news:
        follow(work, cycle)


def follow(work: Work, cycle: Cycle) -> None:
    """Does all that is due in a cycle after something was heard; again changes nothing."""
    chain.witness(work, cycle)
    relays.take_effect(work, cycle)
    if relays.grant_accepted(work, cycle):
        relays.take_effect(work, cycle)
    relays.settle(work, cycle.id)
    notices.refresh(work, cycle)


def forget_old(work: Work) -> None:
    """Forgets which packages were taken, once their age alone refuses them."""
    work.session.execute(delete(PackageIn).where(PackageIn.at <= work.now - KEPT))
