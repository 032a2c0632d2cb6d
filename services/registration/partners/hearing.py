"""What each kind of package does here, once it is verified."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from services.chassis.work import Work
from services.registration import batons, marathons
from services.registration import relay as relays
from services.registration.messages_cycle import Baton
from services.registration.partners import (
    bodies,
    chain,
    handing,
    letters,
    mirrors,
    notices,
    outgoing,
    refusals,
    sharing,
    told,
)
from services.registration.partners.package import Package, Rejected
from services.registration.tables import Cycle, Grant, LegNotice, Marathon, Relay

Document = dict[str, Any]

QUIET = timedelta(hours=1)
"""Who offers the same again and again writes to the organisers once in this time."""

REFUSED = "the host had refused"


def hear(work: Work, cycle: Cycle, package: Package, document: Document) -> bool:
    """Does what a verified package says, or raises ``Rejected`` before anything is changed.

    Answers whether anything may follow from it.
    """
    if package.kind == "leg.notice":
        return notice(work, cycle, package)
    KINDS[package.kind](work, cycle, package, document)
    return True


def _leg(work: Work, cycle: Cycle, marathon: str) -> Marathon:
    row = work.session.get(Marathon, marathon)
    if row is None or row.cycle != cycle.id:
        raise Rejected("not_allowed", "it names no leg of the cycle")
    return row


def _their_leg(work: Work, cycle: Cycle, marathon: str, sender: str) -> Marathon:
    row = _leg(work, cycle, marathon)
    if row.operated_by != sender:
        raise Rejected("not_allowed", f"leg {row.leg} is not of {sender}")
    return row


def _our_leg(work: Work, cycle: Cycle, marathon: str) -> Marathon:
    row = _leg(work, cycle, marathon)
    if row.operated_by != sharing.me(work):
        raise Rejected("not_for_us", f"leg {row.leg} is operated by {row.operated_by}")
    return row


# --- at the host that is asked ------------------------------------------------------------


def _offer(work: Work, cycle: Cycle, package: Package, _document: Document) -> None:
    body = bodies.load(package.kind, package.body)
    sender = _their_leg(work, cycle, body["from_marathon"], package.sender)
    target = _our_leg(work, cycle, body["to_marathon"])
    _must_be_next(work, cycle, package, sender, target)
    leg = body["leg"]
    if leg["marathon"] != sender.id or (leg["state"] == "closed" and not leg["palmares_digest"]):
        raise Rejected("leg_not_closed", "the leg that it comes from is not closed")
    name, number = handing.read(body["relay"])
    if name != handing.relay_id(cycle.id, package.term, package.hop, target.id):
        raise Rejected("not_allowed", "an offer is named after its term, hop and host")
    mirrors.end(work, sender.id, leg)
    row = work.session.get(Relay, name)
    if row is not None and number < row.round:
        raise Rejected("superseded", "a later offer to this host is known here")
    if row is None or number > row.round:
        _offered(work, row, package, body, number)
    elif row.state in ("refused", "accepted"):
        handing.answer(work, row, row.state, package.id)


def _must_be_next(
    work: Work, cycle: Cycle, package: Package, sender: Marathon, target: Marathon
) -> None:
    """Raises ``Rejected`` unless the sender's leg holds the hop before, and this one is free."""
    if package.term < cycle.term:
        raise Rejected("superseded", f"the term is {cycle.term} here")
    before = work.session.get(Grant, (cycle.id, package.term, package.hop - 1))
    if before is None:
        raise Rejected("early", "the grant before it is not known here yet")
    if before.marathon != sender.id:
        raise Rejected("not_the_holder", f"that baton is {before.marathon}'s")
    there = work.session.get(Grant, (cycle.id, package.term, package.hop))
    if there is not None and there.marathon != target.id:
        raise Rejected("taken", f"this hop was granted to {there.marathon}")


def _offered(
    work: Work, row: Relay | None, package: Package, body: dict[str, Any], number: int
) -> None:
    """Puts an offer on the desk of the host, or asks it once more."""
    had_accepted = row is not None and row.state in relays.TAKEN
    was_just_told = row is not None and work.now - row.offered_at < QUIET
    if row is None:
        row = Relay(
            id=handing.read(body["relay"])[0],
            cycle=package.cycle,
            term=package.term,
            hop=package.hop,
            from_marathon=body["from_marathon"],
            to_marathon=body["to_marathon"],
        )
        work.session.add(row)
    row.round, row.deadline, row.offered_at = number, body["deadline"], work.now
    sent = package.body
    row.parcel = {"leg": sent["leg"], "templates": sent["templates"], "package": package.id}
    if had_accepted:
        # The other side asks anew what was answered here: it lost the answer.
        handing.answer(work, row, "accepted")
        work.session.flush()
        return
    row.state, row.answered_at, row.reason, row.reminders = "offered", None, None, 0
    batons.say(work, row, "relay_offered")
    _refuse_if_not_takeable(work, row)
    if row.state == "offered" and not was_just_told:
        letters.offered(work, row)


def _refuse_if_not_takeable(work: Work, row: Relay) -> None:
    target = marathons.found(work, row.to_marathon)
    if target.state != "announced":
        row.reason = f"Le marathon est « {marathons.FRENCH[target.state]} »."
        relays.refuse(work, row)
        handing.answer(work, row, "refused")


def _grant(work: Work, cycle: Cycle, package: Package, document: Document) -> None:
    body = bodies.load(package.kind, package.body)
    target = _our_leg(work, cycle, body["to_marathon"])
    if package.term < cycle.term:
        raise Rejected("superseded", f"the term is {cycle.term} here")
    _must_not_contradict(work, package, body)
    row = work.session.get(Relay, handing.relay_id(*_at(package), target.id))
    if row is not None and row.state == "refused" and body["reason"] is None:
        raise Rejected("not_allowed", REFUSED)
    chain.see(work, cycle, document, package.sender)
    grant = work.session.get_one(Grant, _at(package))
    mirrors.end(work, body["from_marathon"], body["leg"])
    row = row or _granted_unasked(work, package, body)
    _passed(work, row, grant, body)
    handing.receipt(work, package.sender, _at(package), body["relay"], package.id)


def _at(package: Package) -> tuple[str, int, int]:
    return package.cycle, package.term, package.hop


def _must_not_contradict(work: Work, package: Package, body: dict[str, Any]) -> None:
    """A leg that its operator said to go on, after it signed that it was over, is not over."""
    notice = work.session.get(LegNotice, body["from_marathon"])
    if body["reason"] is not None or notice is None or notice.sender != package.sender:
        return
    if notice.at > package.sent_at and notice.body["state"] not in marathons.OVER:
        raise Rejected("leg_not_closed", "its operator has said since that it goes on")


def _granted_unasked(work: Work, package: Package, body: dict[str, Any]) -> Relay:
    """The row of a grant without an offer here: the joint body's word, or we forgot."""
    row = Relay(
        id=handing.relay_id(*_at(package), body["to_marathon"]),
        cycle=package.cycle,
        term=package.term,
        hop=package.hop,
        from_marathon=body["from_marathon"],
        to_marathon=body["to_marathon"],
        state="offered",
        offered_at=work.now,
        round=handing.read(body["relay"])[1] if body["relay"] else 0,
    )
    work.session.add(row)
    work.session.flush()
    return row


def _passed(work: Work, row: Relay, grant: Grant, body: dict[str, Any]) -> None:
    grant.relay = row.id
    if row.state in ("passed", "received"):
        return
    row.state, row.answered_at = "passed", row.answered_at or work.now
    row.reason = body["reason"] or row.reason
    row.baton = Baton().dump(body["baton"])
    outgoing.settle(work, row.id, "baton.answer")
    batons.say(work, row, "relay_passed")
    letters.granted(work, row)


def _withdraw(work: Work, cycle: Cycle, package: Package, _document: Document) -> None:
    body = bodies.load(package.kind, package.body)
    name, number = handing.read(body["relay"])
    row = work.session.get(Relay, name)
    if row is None or row.cycle != cycle.id or number != row.round:
        return  # of an offer that is not here, or that was made again since
    _their_leg(work, cycle, row.from_marathon, package.sender)
    if row.state not in relays.OPEN:
        return
    row.state, row.answered_at = body["reason"], work.now
    event = "relay_withdrawn" if body["reason"] == "withdrawn" else "relay_refused"
    batons.say(work, row, event)


# --- at the side that passes --------------------------------------------------------------


def _answer(work: Work, cycle: Cycle, package: Package, _document: Document) -> None:
    body = bodies.load(package.kind, package.body)
    name, number = handing.read(body["relay"])
    row = work.session.get(Relay, name)
    if row is not None and row.cycle == cycle.id:
        _their_leg(work, cycle, row.to_marathon, package.sender)
        _our_leg(work, cycle, row.from_marathon)
        if number == row.round and _take_answer(work, row, body):
            return
    # Too late, or of an offer that we don't know any more: it is told that it stands no longer.
    handing.withdraw(work, package.sender, _at(package), body["relay"], "superseded", package.id)


def _take_answer(work: Work, row: Relay, body: dict[str, Any]) -> bool:
    """Takes the answer to an offer; False if it is not open any more."""
    if row.state == "offered" and relays.is_late(work, row):
        relays.end(work, row, "expired", "relay_refused")
        return False
    if row.state == "offered":
        row.reason = body["reason"]
        step = relays.accept if body["answer"] == "accepted" else relays.refuse
        step(work, row)
        letters.answered(work, row)
        return True
    if body["answer"] == "refused":
        # Its marathon was cancelled before the grant: the next host may.
        if row.state == "accepted":
            row.reason = body["reason"]
            relays.refuse(work, row)
        return row.state == "refused"
    return row.state in relays.TAKEN


def _receipt(work: Work, cycle: Cycle, package: Package, _document: Document) -> None:
    body = bodies.load(package.kind, package.body)
    grant = work.session.get(Grant, _at(package))
    if grant is None or grant.package != body["grant"]:
        return
    _their_leg(work, cycle, grant.marathon, package.sender)
    outgoing.settle_package(work, package.sender, body["grant"])


# --- at everybody -------------------------------------------------------------------------


def notice(work: Work, cycle: Cycle, package: Package) -> bool:
    """Takes what a partner tells of its legs and of the grants; whether any of it is new."""
    body = bodies.load(package.kind, package.body)
    legs = [
        _part(work, cycle, package, functools.partial(mirrors.hear, work, cycle, package, leg))
        for leg in body["legs"]
    ]
    grants = [
        _part(work, cycle, package, functools.partial(_see, work, cycle, package, document))
        for document in body["chain"]
    ]
    news = any(part.new for part in (*legs, *grants))
    unknown = [one for part, one in zip(grants, body["chain"], strict=True) if not part.known]
    if body["answers"] is not None and all(_is_overtaken(cycle, one) for one in unknown):
        news = told.note(work, cycle, package.sender, body["answers"]) or news
    if body["asks"] is not None:
        chain.witness(work, cycle)
        # It knows the cycle now: our own question may have come before it did.
        asks = None if told.is_told(work, cycle) else told.present(work).id
        notices.answer(work, cycle, package.sender, body["asks"], asks)
    return news


def _is_overtaken(cycle: Cycle, document: Document) -> bool:
    """Whether a grant that can't be followed here counts no more: a higher term is known."""
    term = document.get("term")
    return isinstance(term, int) and term < cycle.term


def _see(work: Work, cycle: Cycle, package: Package, document: Document) -> bool:
    is_new = chain.see(work, cycle, document, package.sender)
    body = document["body"]
    if body["leg"] is not None and body["reason"] is None:
        mirrors.end(work, body["from_marathon"], bodies.LegOver().load(body["leg"]))
    if is_new:
        _note_refused_host(work, cycle, document)
    return is_new


def _note_refused_host(work: Work, cycle: Cycle, document: Document) -> None:
    """Records a grant to a host of ours that had refused: it counts for all others."""
    grant = work.session.get_one(Grant, (cycle.id, document["term"], document["hop"]))
    if relays.was_refused(work, grant):
        who = (work, document["from"], "not_allowed", REFUSED)
        refusals.record(*who, document["kind"], cycle.id, document)


class Part(NamedTuple):
    """What became of a part of a notice: known here now (or it can't be), and new."""

    known: bool
    new: bool


def _part(work: Work, cycle: Cycle, package: Package, take: Callable[[], bool]) -> Part:
    """Takes one part of a notice; what is wrong with it spoils no other."""
    try:
        return Part(True, take())
    except Rejected as refused:
        refusals.note(work, package.sender, refused, package.kind, cycle.id)
        # Of two grants the words may weigh otherwise now.
        return Part(refused.verdict == "double_grant", refused.verdict == "double_grant")


KINDS: dict[str, Callable[[Work, Cycle, Package, Document], None]] = {
    "baton.offer": _offer,
    "baton.answer": _answer,
    "baton.grant": _grant,
    "baton.receipt": _receipt,
    "baton.withdraw": _withdraw,
}
