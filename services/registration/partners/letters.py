"""What is written to the organisers about an offer from, or to, another instance."""

from __future__ import annotations

from services.chassis.work import Work
from services.registration.tables import Relay


def offered(work: Work, relay: Relay) -> None:
    """Tells the organisers of a host that it is asked."""


def granted(work: Work, relay: Relay) -> None:
    """Tells the organisers of a host that the baton is theirs."""


def answered(work: Work, relay: Relay) -> None:
    """Tells the organisers of the leg that is over what the host answered."""
