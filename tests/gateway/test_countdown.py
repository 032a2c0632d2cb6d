"""Countdowns: to the next turn of a marathon, to the end of the vote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, g

from gateway.site.countdown import in_words, of_marathon, of_poll

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
MARATHON = {
    "state": "announced",
    "mobilises_at": "2026-06-03T11:30:00+00:00",
    "starts_at": "2026-06-08T09:00:00+00:00",
    "ends_at": "2026-06-09T21:00:00+00:00",
}


@pytest.fixture(autouse=True)
def french(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        g.language = "fr"
        yield


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=2, hours=3, minutes=59, seconds=59), "2 j 3 h"),
        (timedelta(days=1), "1 j 0 h"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(hours=1), "1 h 0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(seconds=1), "1 min"),
    ],
)
def test_what_is_left_in_words(left: timedelta, words: str) -> None:
    assert in_words(left) == words


def test_each_state_waits_for_its_next_turn() -> None:
    found = {
        state: of_marathon({**MARATHON, "state": state}, NOW)
        for state in ("announced", "mobilised", "running", "ended", "closed")
    }
    assert {state: one and one.left for state, one in found.items()} == {
        "announced": "2 j 2 h",
        "mobilised": "7 j 0 h",
        "running": "8 j 12 h",
        "ended": None,
        "closed": None,
    }


def test_what_is_past_or_unknown_is_not_counted_down() -> None:
    assert of_marathon(MARATHON, datetime(2026, 6, 3, 11, 30, tzinfo=UTC)) is None
    assert of_marathon({**MARATHON, "mobilises_at": None}, NOW) is None


def test_an_open_vote_is_counted_down() -> None:
    poll = {"open": True, "closes_at": "2026-06-01T21:00:00+00:00"}
    found = of_poll(poll, NOW)
    assert found is not None
    assert (found.what, found.left) == ("Le vote se termine dans", "12 h 0 min")
    assert of_poll({**poll, "open": False}, NOW) is None
    assert of_poll(None, NOW) is None
