"""Attempts at what takes long: by a thread of their own, one at a time, and nobody pays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.intake.attempts import Attempts, StillTrying


def ended(attempts: Attempts[Any], name: str = "lane") -> None:
    """Waits until no attempt is going on."""
    until(lambda: name not in attempts._going)


def until(true: Callable[[], bool]) -> None:
    """Waits until something is true."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def test_many_who_need_the_same_share_one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: Attempts[int] = Attempts(patience_s=10, pause_s=0)
    made: list[int] = []
    gate = threading.Event()
    come: list[Any] = []
    begun = attempts._begun

    def counted(*asked: Any) -> Any:
        come.append(begun(*asked))
        return come[-1]

    monkeypatch.setattr(attempts, "_begun", counted)

    def make() -> int:
        gate.wait(10)
        made.append(len(made))
        return made[-1]

    with ThreadPoolExecutor(20) as people:
        waiting = [people.submit(attempts.wait_for, "lane", make) for _ in range(20)]
        until(lambda: len(come) == 20)
        gate.set()
        assert {one.result() for one in waiting} == {0}
    assert made == [0]


def test_what_failed_is_not_remembered_for_ever() -> None:
    """Names come with requests: whoever makes them up must not fill the memory."""
    attempts: Attempts[int] = Attempts(patience_s=10, pause_s=0)
    for number in range(50):
        with pytest.raises(OSError, match="away"):
            attempts.wait_for(f"poll {number}", raising(OSError("away")))
    assert len(attempts._failed) == 1


def test_an_attempt_that_lasts_is_waited_for_no_longer_than_for_a_ballot() -> None:
    attempts: Attempts[int] = Attempts(patience_s=0.05, pause_s=0)
    gate = threading.Event()

    def make() -> int:
        gate.wait(10)
        return 7

    with pytest.raises(StillTrying):
        attempts.wait_for("lane", make)
    gate.set()
    ended(attempts)
    assert attempts.wait_for("lane", lambda: 8) == 8


def raising(error: Exception) -> Callable[[], int]:
    def make() -> int:
        raise error

    return make


def test_after_a_failure_everybody_is_told_at_once_until_the_pause_is_over() -> None:
    attempts: Attempts[int] = Attempts(patience_s=10, pause_s=60)
    with pytest.raises(OSError, match="away"):
        attempts.wait_for("lane", raising(OSError("away")))
    with pytest.raises(OSError, match="away"):
        attempts.wait_for("lane", lambda: 7)
    attempts.pause_s = 0
    # The next attempt is not waited for, as the last one failed; what it makes is there after.
    gate = threading.Event()
    with pytest.raises(StillTrying):
        attempts.wait_for("lane", lambda: (gate.wait(10) and 7) or 0)
    gate.set()
    ended(attempts)
    assert attempts.wait_for("lane", lambda: 8) == 8


def test_a_time_out_of_what_is_tried_is_told_as_such() -> None:
    attempts: Attempts[int] = Attempts(patience_s=10, pause_s=60)
    with pytest.raises(TimeoutError, match="the broker"):
        attempts.wait_for("lane", raising(TimeoutError("the broker")))


def test_names_do_not_wait_for_each_other() -> None:
    attempts: Attempts[int] = Attempts(patience_s=0.05, pause_s=60)
    gate = threading.Event()
    with pytest.raises(StillTrying):
        attempts.wait_for("one", lambda: (gate.wait(10) and 1) or 0)
    attempts.patience_s = 10
    assert attempts.wait_for("another", lambda: 2) == 2
    gate.set()
    ended(attempts, "one")
