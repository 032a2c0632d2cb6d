"""Keys: handed over and returned, noted with the hour and by whom (RULES P2)."""

from __future__ import annotations

from typing import Any

from services.chassis.work import Work
from services.venues import allocations


def hand_over(work: Work, allocation: str) -> dict[str, Any]:
    """Notes that a team got the keys; again changes nothing.

    Raises ``Refusal("allocation_move_impossible")`` unless the seat is confirmed.
    """
    row = allocations.locked_with_keys(work, allocation)
    if row.status != "handed_over":
        allocations.must_be(row, "confirmed")
        row.status = "handed_over"
        row.keys_out_at, row.keys_out_by = work.now, work.actor.key
        allocations.say(work, row)
    return allocations.view_of(work, row)


def return_keys(work: Work, allocation: str) -> dict[str, Any]:
    """Notes that the keys are back; again changes nothing.

    Keys that come back after the closing are noted on the seat, which stays released.
    """
    row = allocations.locked_with_keys(work, allocation)
    late = row.status == "released" and row.keys_out_at is not None
    if late and row.keys_back_at is None:
        row.keys_back_at, row.keys_back_by = work.now, work.actor.key
    elif not late and row.status != "returned":
        allocations.must_be(row, "handed_over")
        row.status = "returned"
        row.keys_back_at, row.keys_back_by = work.now, work.actor.key
        allocations.say(work, row)
        allocations.release_the_gone(work, row.marathon)
    return allocations.view_of(work, row)
