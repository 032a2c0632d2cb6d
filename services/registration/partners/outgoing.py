"""Packages on their way out: signed, a row in the same transaction, sent until settled.

An offer and a grant are sent again and again until they are answered. Everything else answers
something, and is sent again when that comes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from services.chassis.errors import Refusal
from services.chassis.work import Work
from services.registration.partners import bodies, sharing
from services.registration.partners.package import Package, sign
from services.registration.tables import PackageOut

REPEATED = ("baton.offer", "baton.grant")
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600))
"""How long after which hand-over an unanswered package is sent again; the last one stays."""

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 5))
"""The same where the transport did not take it: it is tried again soon."""

KEPT = timedelta(days=60)


@dataclass(frozen=True)
class Due:
    """A package that a transport is to hand over."""

    id: str
    partner: str
    kind: str
    document: dict[str, Any]
    attempts: int


def signed(
    work: Work,
    kind: str,
    partner: str,
    at: tuple[str, int, int],
    values: dict[str, Any],
) -> tuple[Package, dict[str, Any]]:
    """A package about the baton ``at`` (cycle, term, hop), and its signed document.

    Raises ``Refusal("relay_key_missing")`` where this instance has no key to sign with.
    """
    key = sharing.signing_key(work)
    if key is None:
        raise Refusal(
            "relay_key_missing",
            "Cette instance n’a pas de clé pour signer ce qu’elle envoie à ses partenaires.",
            "Lancez « marathon instance init », ou indiquez la clé dans MARATHON_RELAY_KEY.",
        )
    cycle, term, hop = at
    package = Package(
        id=work.new_id(),
        kind=kind,
        cycle=cycle,
        term=term,
        hop=hop,
        sender=sharing.me(work),
        recipient=partner,
        sent_at=work.now,
        body=bodies.dump(kind, values),
    )
    return package, sign(package, key)


def send(
    work: Work,
    partner: str,
    kind: str,
    at: tuple[str, int, int],
    values: dict[str, Any],
    *,
    relay: str | None = None,
    reply_to: str | None = None,
) -> str:
    """Signs a package and puts it among those to send, in this transaction; answers its id."""
    package, document = signed(work, kind, partner, at, values)
    put(work, package, document, relay=relay, reply_to=reply_to)
    return package.id


def put(
    work: Work,
    package: Package,
    document: dict[str, Any],
    *,
    relay: str | None = None,
    reply_to: str | None = None,
) -> None:
    """Puts a signed package among those to send."""
    row = PackageOut(
        id=package.id,
        partner=package.recipient,
        kind=package.kind,
        cycle=package.cycle,
        term=package.term,
        hop=package.hop,
        reply_to=reply_to,
        relay=relay,
        document=document,
        created_at=work.now,
        due_at=work.now,
        attempts=0,
    )
    work.session.add(row)
    work.session.flush()


def again(work: Work, partner: str, reply_to: str) -> None:
    """Sends what answered a package once more: it came again, so its sender lacks the answer."""
    work.session.execute(
        update(PackageOut)
        .where(PackageOut.partner == partner, PackageOut.reply_to == reply_to)
        .values(settled_at=None, due_at=work.now)
    )


def settle(work: Work, relay: str, kind: str) -> None:
    """Ends the sending of what an offer's way has left behind."""
    work.session.execute(
        update(PackageOut)
        .where(PackageOut.relay == relay, PackageOut.kind == kind)
        .where(PackageOut.settled_at.is_(None))
        .values(settled_at=work.now)
    )


def settle_package(work: Work, partner: str, package: str) -> None:
    """Ends the sending of a package that its partner has."""
    work.session.execute(
        update(PackageOut)
        .where(PackageOut.partner == partner, PackageOut.id == package)
        .where(PackageOut.settled_at.is_(None))
        .values(settled_at=work.now)
    )


def unsent_notice(work: Work, cycle: str, partner: str) -> PackageOut | None:
    """The notice that a partner has not got yet: a newer one takes its place."""
    query = select(PackageOut).where(
        PackageOut.kind == "leg.notice",
        PackageOut.cycle == cycle,
        PackageOut.partner == partner,
        PackageOut.settled_at.is_(None),
    )
    return work.session.scalars(query).first()


def forget_notices(work: Work, cycle: str, partner: str) -> None:
    """Takes away the notices to a partner; the next one says everything again."""
    work.session.execute(
        delete(PackageOut).where(
            PackageOut.kind == "leg.notice",
            PackageOut.cycle == cycle,
            PackageOut.partner == partner,
        )
    )


def forget_old(work: Work) -> None:
    """Forgets what was settled long ago."""
    work.session.execute(
        delete(PackageOut).where(
            PackageOut.settled_at <= work.now - KEPT, PackageOut.created_at <= work.now - KEPT
        )
    )


# --- for the transports -------------------------------------------------------------------


def due(work: Work, partner: str | None = None, most: int = 100) -> list[Due]:
    """What is to be handed over now, the oldest first; to one partner, or to all."""
    query = select(PackageOut).where(PackageOut.settled_at.is_(None), PackageOut.due_at <= work.now)
    if partner is not None:
        query = query.where(PackageOut.partner == partner)
    rows = work.session.scalars(query.order_by(PackageOut.due_at, PackageOut.id).limit(most))
    return [Due(row.id, row.partner, row.kind, row.document, row.attempts) for row in rows]


def handed(work: Work, sent: Sequence[tuple[str, str]]) -> None:
    """Notes that transports took these packages, by (id, partner)."""
    for package, partner in sent:
        row = _held(work, package, partner)
        if row is None:
            continue  # replaced by a newer notice meanwhile
        row.handed_at, row.error = row.handed_at or work.now, None
        row.attempts += 1
        if row.kind in REPEATED:
            row.due_at = work.now + DELAYS[min(row.attempts, len(DELAYS)) - 1]
        else:
            row.settled_at = work.now


def _held(work: Work, package: str, partner: str) -> PackageOut | None:
    """A package's row, held: a newer notice would take it away between our look and our write."""
    how: dict[str, Any] = {"populate_existing": True, "with_for_update": True}
    return work.session.get(PackageOut, (package, partner), **how)


def not_handed(work: Work, package: str, partner: str, reason: str) -> None:
    """Notes that a transport could not take a package: it is tried again soon."""
    row = _held(work, package, partner)
    if row is None or row.settled_at is not None:
        return
    row.attempts, row.error = row.attempts + 1, reason[:200]
    row.due_at = work.now + RETRIES[min(row.attempts, len(RETRIES)) - 1]
