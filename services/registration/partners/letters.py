"""What is written about the relay: to organisers, and to who wished to hear of the next host.

Only between instances: within one, all organisers have the same desk before them. The link to
the next host is for everybody who agreed to it (RULES D3).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, union

from services.chassis.work import Work
from services.registration import consents, marathons
from services.registration import letters as registration_letters
from services.registration.partners import sharing
from services.registration.tables import Marathon, Relay, Role, Standing

EVERYWHERE = "*"
LAST_CALL = timedelta(days=1)


def offered(work: Work, relay: Relay) -> None:
    """Tells the organisers of a host of ours that it is asked."""
    _to_host(work, relay, "relay_offered")


def granted(work: Work, relay: Relay) -> None:
    """Tells the organisers of a host of ours that the baton is theirs."""
    _to_host(work, relay, "relay_granted")


def answered(work: Work, relay: Relay) -> None:
    """Tells the organisers of a leg of ours that is over what the host answered."""
    letter = "relay_accepted" if relay.state == "accepted" else "relay_refused"
    _to_sender(work, relay, letter)


def remind(work: Work, relay: Relay) -> None:
    """Reminds of an open offer: halfway to its deadline, and a day before it."""
    if not is_time_to_remind(work, relay):
        return
    relay.reminders += 1
    _to_host(work, relay, "relay_reminder")
    if relay.reminders == len(_moments(relay)):
        _to_sender(work, relay, "relay_unanswered")


def is_time_to_remind(work: Work, relay: Relay) -> bool:
    """Whether the next reminder of an offer is due."""
    ahead = _moments(relay)[relay.reminders :] if relay.state == "offered" else ()
    return bool(ahead) and work.now >= ahead[0]


def _moments(relay: Relay) -> tuple[datetime, ...]:
    if relay.deadline is None:
        return ()
    halfway = relay.offered_at + (relay.deadline - relay.offered_at) / 2
    return halfway, max(halfway, relay.deadline - LAST_CALL)


def next_host(work: Work, relay: Relay) -> None:
    """Writes where it goes on to all who took part in a leg of ours and agreed to hear of it."""
    sender = marathons.found(work, relay.from_marathon)
    if sharing.is_elsewhere(work, sender) or sender.state == "cancelled":
        return
    target = marathons.found(work, relay.to_marathon)
    values = {"marathon": sender.title, "next": target.title, "link": _page(work, target)}
    for key in _who_agreed(work, sender.id):
        registration_letters.write_to(work, key, "next_host", **values)


def _who_agreed(work: Work, marathon: str) -> list[str]:
    took_part = union(
        select(Standing.person_key).where(Standing.marathon == marathon),
        select(Role.person_key).where(Role.marathon == marathon, Role.status == "granted"),
    )
    keys = sorted(work.session.scalars(took_part))
    return [key for key in keys if _agreed(work, key)]


def _agreed(work: Work, key: str) -> bool:
    lines = consents.of_person(work, key)
    return any(line["given"] for line in lines if line["kind"] == "next_host")


def _page(work: Work, marathon: Marathon) -> str:
    operator = sharing.operator_of(work, marathon)
    site = operator["url"] if operator["elsewhere"] else None
    return f"{site or work.settings.public_url}/marathons/{marathon.id}"


def _to_host(work: Work, relay: Relay, letter: str) -> None:
    target = marathons.found(work, relay.to_marathon)
    if not sharing.is_elsewhere(work, target):
        _write(work, relay, letter, target)


def _to_sender(work: Work, relay: Relay, letter: str) -> None:
    sender = marathons.found(work, relay.from_marathon)
    if not sharing.is_elsewhere(work, sender):
        _write(work, relay, letter, sender)


def _write(work: Work, relay: Relay, letter: str, desk: Marathon) -> None:
    values: dict[str, Any] = {
        "sender": marathons.found(work, relay.from_marathon).title,
        "host": marathons.found(work, relay.to_marathon).title,
        "deadline": relay.deadline or "",
        "reason": relay.reason or "—",
        "link": f"{work.settings.public_url}/bureau/marathons/{desk.id}",
    }
    for key in organisers(work, desk.id):
        registration_letters.write_to(work, key, letter, **values)


def organisers(work: Work, marathon: str) -> Iterable[str]:
    """Who organises a marathon: of it alone, or of all; by key."""
    query = select(Role.person_key).where(
        Role.role == "organiser",
        Role.status == "granted",
        Role.scope.in_((marathon, EVERYWHERE)),
    )
    return sorted(set(work.session.scalars(query)))
