"""The movable clock: shared through a file, forward only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.chassis.clock import MovableClock, SystemClock
from services.chassis.errors import Refusal


def test_unmoved_clock_shows_the_machines_time(tmp_path: Path) -> None:
    drift = MovableClock(tmp_path / "clock").now() - SystemClock().now()
    assert abs(drift) < timedelta(seconds=1)


def test_first_move_may_go_back_and_is_seen_by_everybody(tmp_path: Path) -> None:
    past = datetime(2023, 6, 2, 8, 0, tzinfo=UTC)
    MovableClock(tmp_path / "clock").move_to(past)
    assert timedelta() <= MovableClock(tmp_path / "clock").now() - past < timedelta(seconds=5)


def test_who_has_looked_sees_each_move(tmp_path: Path) -> None:
    one, other = MovableClock(tmp_path / "clock"), MovableClock(tmp_path / "clock")
    past = datetime(2023, 6, 2, tzinfo=UTC)
    for moved in (past, past + timedelta(days=1), past + timedelta(days=2)):
        one.move_to(moved)
        assert timedelta() <= other.now() - moved < timedelta(seconds=5)


def test_later_moves_go_forward_only(tmp_path: Path) -> None:
    clock = MovableClock(tmp_path / "clock")
    clock.move_to(datetime(2023, 6, 2, tzinfo=UTC))
    moved = clock.move_by(timedelta(days=1))
    with pytest.raises(Refusal) as refused:
        clock.move_to(datetime(2023, 6, 2, tzinfo=UTC))
    assert refused.value.code == "clock_backwards"
    assert clock.now() >= moved
