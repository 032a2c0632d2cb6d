"""Ballots that the gateway accepts by itself and hands to the broker in batches (DESIGN §6)."""

from __future__ import annotations

from gateway.asking import Caller
from gateway.intake.caller import BallotsInBatches
from services.chassis.config import Settings
from services.chassis.streams import Lane
from services.voting.messages import TAKES


def ballots_in_batches(caller: Caller, settings: Settings) -> BallotsInBatches:
    """A caller that hands ballots to the broker of these settings, which must be a real one."""
    (ballots,) = TAKES
    return BallotsInBatches(
        caller,
        lambda name: Lane(ballots, name, settings),
        settings.clock(),
        settings.confirm_timeout_s,
    )
