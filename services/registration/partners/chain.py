"""The chain of signed grants: which may follow which, who holds which, which is effective.

Everyone keeps the first valid grant of a hop that it sees, and shows it to everyone else. It is
effective once more than half of all partners but its granter were seen with this very grant:
two grants of a hop can't both be.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import aliased

from services.chassis.work import Work
from services.registration import marathons
from services.registration.partners import bodies, refusals, sharing, told
from services.registration.partners.package import (
    Package,
    Rejected,
    digest_of,
    open_document,
)
from services.registration.tables import Cycle, Grant, Marathon, Witness

Key = tuple[str, int, int]

UNTRUSTED = ("revoked_key", "retired_key", "unknown_sender")
"""Verdicts on grants that may be from before a key was revoked or a partner removed."""


def key_of(grant: Grant) -> Key:
    """A grant by its cycle, term and hop."""
    return grant.cycle, grant.term, grant.hop


def of_cycle(work: Work, cycle: str) -> list[Grant]:
    """All grants of a cycle that are known here, in their order."""
    work.session.flush()
    query = select(Grant).where(Grant.cycle == cycle).order_by(Grant.term, Grant.hop)
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def documents(work: Work, cycle: Cycle) -> list[dict[str, Any]]:
    """The signed grants for which we stand: what we show to everybody."""
    ours = _our_words(work, cycle.id)
    return [
        grant.document
        for grant in of_cycle(work, cycle.id)
        if grant.document is not None and _stands_for(work, grant, ours)
    ]


def not_yet_effective(work: Work) -> dict[str, datetime]:
    """The cycles whose latest grant is not effective yet, and since when there is that grant."""
    work.session.flush()
    later = aliased(Grant)
    is_later = or_(later.term > Grant.term, and_(later.term == Grant.term, later.hop > Grant.hop))
    query = select(Grant.cycle, Grant.granted_at).where(
        Grant.received_at.is_(None),
        ~exists().where(later.cycle == Grant.cycle, is_later),
    )
    return {row.cycle: row.granted_at for row in work.session.execute(query)}


def _our_words(work: Work, cycle: str) -> dict[Key, str]:
    query = select(Witness).where(Witness.cycle == cycle, Witness.partner == sharing.me(work))
    return {(word.cycle, word.term, word.hop): word.digest for word in work.session.scalars(query)}


def _stands_for(work: Work, grant: Grant, ours: dict[Key, str]) -> bool:
    if grant.granter == sharing.me(work) or is_raising(grant):
        return True
    return ours.get(key_of(grant)) == grant.digest


def is_raising(grant: Grant) -> bool:
    """Whether a grant raised the term, by the joint body's word."""
    return grant.document is not None and grant.document["body"]["reason"] is not None


# --- seeing a grant -----------------------------------------------------------------------


def see(work: Work, cycle: Cycle, document: dict[str, Any], shown_by: str) -> bool:
    """Keeps a signed grant that somebody shows, if it is valid and the first of its hop.

    Answers whether the grant, or that this partner holds it, is new. Raises ``Rejected``:
    "early" where what is before it is not known here, "double_grant" where another one holds
    its place.
    """
    known = _same(work, cycle, document)
    if known is None:
        package = _opened(work, cycle, document, shown_by)
        check(work, cycle, package)
        _say_word(work, (cycle.id, package.term, package.hop), shown_by, digest_of(document))
        _keep(work, cycle, package, document)
        return True
    return _say_word(work, key_of(known), shown_by, str(known.digest))


def _opened(work: Work, cycle: Cycle, document: dict[str, Any], shown_by: str) -> Package:
    """The grant of a document, by a key that is still taken or for which most others vouch."""
    try:
        find_key = sharing.find_key(work, [cycle])
        return open_document(document, me=None, now=None, find_key=find_key)
    except Rejected as refused:
        if refused.verdict not in UNTRUSTED:
            raise
        # What most stood for before the key was revoked has counted: without it, who lacks it
        # could never again follow the chain.
        find_key = sharing.find_past_key(work, [cycle])
        package = open_document(document, me=None, now=None, find_key=find_key)
        key, digest = (cycle.id, package.term, package.hop), digest_of(document)
        _say_word(work, key, shown_by, digest)
        others = [name for name in sharing.others(work, cycle) if name != package.sender]
        shown = set(words(work, cycle, key, package.sender, digest)) & set(others)
        if len(shown) < sharing.majority(len(others)):
            raise Rejected(refused.verdict, refused.reason, package.sender) from None
        return package


def _same(work: Work, cycle: Cycle, document: dict[str, Any]) -> Grant | None:
    """The grant of this document if it is kept already, so that it was verified before."""
    term, hop = document.get("term"), document.get("hop")
    if not isinstance(term, int) or not isinstance(hop, int):
        return None
    grant = work.session.get(Grant, (cycle.id, term, hop))
    return grant if grant is not None and grant.document == document else None


def check(work: Work, cycle: Cycle, package: Package) -> dict[str, Any]:
    """The grant's body, once it may follow what is known. Raises ``Rejected``."""
    if package.kind != "baton.grant" or package.cycle != cycle.id:
        raise Rejected("not_allowed", "a chain has grants of its own cycle, nothing else")
    body = bodies.load(package.kind, package.body)
    ids = {leg.id for leg in marathons.of_cycle(work, cycle.id)}
    if body["to_marathon"] not in ids or body["to_marathon"] == body["from_marathon"]:
        raise Rejected("not_allowed", "the baton goes to another marathon of the cycle")
    if len(body["baton"]["chain"]) >= package.hop:
        raise Rejected("not_allowed", "its chain has a link for each hop before it at most")
    if body["reason"] is not None:
        _check_raising(cycle, package)
    else:
        _check_following(work, cycle, package, body)
    return body


def _check_raising(cycle: Cycle, package: Package) -> None:
    if package.sender != sharing.joint_body(cycle) or package.term <= 1:
        raise Rejected("not_allowed", "only the joint body reassigns, by raising the term")


def _check_following(work: Work, cycle: Cycle, package: Package, body: dict[str, Any]) -> None:
    before = work.session.get(Grant, (cycle.id, package.term, package.hop - 1))
    if before is None:
        if package.hop <= 1:
            raise Rejected("not_the_holder", "the first grant is the cycle file's")
        raise Rejected("early", "the grant before it is not known here yet")
    holder = work.session.get_one(Marathon, before.marathon)
    if body["previous"] != before.package or body["from_marathon"] != before.marathon:
        raise Rejected("not_the_holder", "it follows another grant than the one known here")
    if holder.operated_by != package.sender:
        raise Rejected("not_the_holder", f"{package.sender} does not operate {holder.id}")
    if _had_it(work, package, body["to_marathon"]):
        # Else two legs of one partner could pass it to and fro until no notice holds the chain.
        raise Rejected("not_allowed", "a marathon has the baton once in a term")
    leg = body["leg"]
    if leg is None or leg["marathon"] != holder.id:
        raise Rejected("leg_not_closed", "it does not say that its leg is over")
    if leg["state"] == "closed" and leg["palmares_digest"] is None:
        raise Rejected("leg_not_closed", "a leg is closed with a published palmarès")


def _had_it(work: Work, package: Package, marathon: str) -> bool:
    query = select(Grant.hop).where(
        Grant.cycle == package.cycle,
        Grant.term == package.term,
        Grant.hop < package.hop,
        Grant.marathon == marathon,
    )
    return work.session.scalar(query.limit(1)) is not None


def _keep(work: Work, cycle: Cycle, package: Package, document: dict[str, Any]) -> None:
    digest = digest_of(document)
    rival = _rival(work, cycle, package)
    if rival is None:
        _insert(work, cycle, package, document, digest)
        return
    refusals.record(
        *(work, package.sender, "double_grant"),
        f"term {package.term}, hop {package.hop} was granted to {rival.marathon} before",
        *(package.kind, cycle.id, document),
    )
    if not _outweighs(work, cycle, digest, rival):
        raise Rejected("double_grant", "another grant has this place")
    _replace(work, rival, package, document, digest)


def _rival(work: Work, cycle: Cycle, package: Package) -> Grant | None:
    """Another grant of the same hop, or another that raised the same term."""
    there = work.session.get(Grant, (cycle.id, package.term, package.hop))
    if there is not None or package.body["reason"] is None:
        return there
    in_term = [grant for grant in of_cycle(work, cycle.id) if grant.term == package.term]
    return next((grant for grant in in_term if is_raising(grant)), None)


def _insert(
    work: Work, cycle: Cycle, package: Package, document: dict[str, Any], digest: str
) -> None:
    body = bodies.load(package.kind, package.body)
    grant = Grant(
        cycle=cycle.id,
        term=package.term,
        hop=package.hop,
        marathon=body["to_marathon"],
        granted_at=body["granted_at"],
        package=package.id,
        digest=digest,
        granter=package.sender,
        document=document,
    )
    work.session.add(grant)
    cycle.term = max(cycle.term, package.term)
    cycle.noticed = None
    work.session.flush()


def _outweighs(work: Work, cycle: Cycle, digest: str, rival: Grant) -> bool:
    """Whether the newcomer is the one that counts: most hold it, or we don't hold ours yet."""
    if rival.received_at is not None or is_raising(rival) or rival.document is None:
        return False
    ours = holders(work, cycle, rival)
    theirs = words(work, cycle, key_of(rival), str(rival.granter), digest)
    if len(theirs) >= needed(cycle, rival):
        return True
    return not _stands_for(work, rival, _our_words(work, cycle.id)) and len(theirs) > len(ours)


def _replace(
    work: Work, rival: Grant, package: Package, document: dict[str, Any], digest: str
) -> None:
    body = bodies.load(package.kind, package.body)
    rival.marathon, rival.granted_at = body["to_marathon"], body["granted_at"]
    rival.package, rival.digest, rival.document = package.id, digest, document
    rival.relay = None
    sharing.touch(work, rival.cycle)
    word = work.session.get(Witness, (*key_of(rival), sharing.me(work)))
    if word is not None:
        word.digest = digest
    work.session.flush()


# --- witnesses ----------------------------------------------------------------------------


def _say_word(work: Work, key: Key, partner: str, digest: str) -> bool:
    """A partner was seen with this grant; the first that it showed of a hop stands.

    Answers whether that is new.
    """
    if work.session.get(Witness, (*key, partner)) is not None:
        return False
    cycle, term, hop = key
    word = Witness(cycle=cycle, term=term, hop=hop, partner=partner, digest=digest, at=work.now)
    work.session.add(word)
    work.session.flush()
    return True


def witness(work: Work, cycle: Cycle) -> None:
    """Stands for all grants that are kept, once this run was told; again changes nothing."""
    ours = _our_words(work, cycle.id)
    grants = [grant for grant in of_cycle(work, cycle.id) if grant.document is not None]
    unsaid = [grant for grant in grants if key_of(grant) not in ours]
    is_told = bool(unsaid) and told.is_told(work, cycle)
    for grant in unsaid:
        if is_told or is_raising(grant):
            cycle.noticed = None
            _say_word(work, key_of(grant), sharing.me(work), str(grant.digest))


def words(work: Work, cycle: Cycle, key: Key, granter: str, digest: str) -> list[str]:
    """The partners but the granter that were seen with this very grant."""
    counted = [name for name in sharing.participants(cycle) if name != granter]
    query = select(Witness.partner).where(
        Witness.cycle == key[0],
        Witness.term == key[1],
        Witness.hop == key[2],
        Witness.digest == digest,
        Witness.partner.in_(counted),
    )
    return sorted(work.session.scalars(query))


def holders(work: Work, cycle: Cycle, grant: Grant) -> list[str]:
    """The partners but its granter that were seen with a grant."""
    return words(work, cycle, key_of(grant), str(grant.granter), str(grant.digest))


def needed(cycle: Cycle, grant: Grant) -> int:
    """How many partners must be seen with a grant before it is effective."""
    if grant.document is None or is_raising(grant):
        return 0
    return sharing.majority(sum(name != grant.granter for name in sharing.participants(cycle)))


def is_seen_by_most(work: Work, cycle: Cycle, grant: Grant) -> bool:
    """Whether a grant is effective: most hold it, or it raised the term."""
    return len(holders(work, cycle, grant)) >= needed(cycle, grant)


def take_effect(work: Work, cycle: Cycle) -> list[Grant]:
    """Makes effective what most hold; answers those that became so now."""
    became = []
    for grant in of_cycle(work, cycle.id):
        if grant.received_at is None and is_seen_by_most(work, cycle, grant):
            grant.received_at = work.now
            became.append(grant)
    work.session.flush()
    return became
