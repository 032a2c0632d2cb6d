"""Every place at the closing where a process can be killed, in the code's own terms."""

from __future__ import annotations

from services.chassis.catalogue import heard_by_type
from services.chassis.config import SERVICES
from services.chassis.topology import messages_of

ARROWS = (
    "marathon_ended",
    "poll_closed",
    "poll_counted",
    "palmares_published",
    "marathon_closed",
    "relay_offered",
    "relay_passed",
    "relay_received",
    "marathon_mobilised",
)


def of_speaker() -> list[str]:
    """Between an arrow's commit and its publication, and between that and its mark."""
    return [
        f"{service}@{point}:{arrow}"
        for arrow in ARROWS
        for service in SERVICES
        if arrow in messages_of(service).SAYS.events
        for point in ("said.committed", "outbox.published")
    ]


def of_listeners() -> list[str]:
    """Between an arrow's receipt and its effect's commit, and before it is acknowledged."""
    return [
        f"{service}@{point}:{arrow}"
        for arrow in ARROWS
        for service in SERVICES
        if arrow in {name for _speaker, name in heard_by_type(messages_of(service))}
        for point in ("event.received", "event.handled", "event.committed")
    ]
