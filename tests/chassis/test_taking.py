"""Bulk messages, taken in lots: as soon as one is worth a transaction, and none larger."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import eventlet
import pytest

from services.chassis import entrypoints
from services.chassis.entrypoints import FULL, TakeEntrypoint
from tests.chassis.test_streams import PARCELS


@pytest.fixture
def lots(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The lots that were taken."""
    found: list[list[Any]] = []
    monkeypatch.setattr(
        TakeEntrypoint, "_take", lambda _self, taken: found.append([body for body, _ in taken])
    )
    return found


def feed(taking: TakeEntrypoint, bodies: range) -> None:
    """Messages that come over one channel."""
    for body in bodies:
        taking.handle_message(body, SimpleNamespace(channel="one"))


def until(lots: list[list[Any]], many: int) -> None:
    """Lets the others run until so many lots were taken; fails if they never are."""
    with eventlet.Timeout(10):
        while len(lots) < many:
            eventlet.sleep(0.01)


def test_a_full_lot_waits_for_nothing(
    lots: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrypoints, "GATHER_S", 3600)
    taking = TakeEntrypoint(PARCELS)
    emptying = eventlet.spawn(taking._empty_for_ever)
    feed(taking, range(2 * FULL + 1))
    until(lots, 2)
    assert lots == [[*range(FULL)], [*range(FULL, 2 * FULL)]]
    taking.stopping = True
    taking._nudge()
    emptying.wait()
    # What was not begun goes back, and comes to somebody else.
    assert len(lots) == 2


def test_a_few_are_waited_for(lots: list[list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrypoints, "GATHER_S", 0.2)
    taking = TakeEntrypoint(PARCELS)
    emptying = eventlet.spawn(taking._empty_for_ever)
    feed(taking, range(2))
    for _ in range(10):  # turns, in which these two would be taken if it did not wait
        eventlet.sleep(0)
    assert lots == []
    feed(taking, range(2, 5))
    until(lots, 1)
    assert lots == [[*range(5)]]
    emptying.kill()
