"""What takes long and may fail, tried by a thread of its own: no voter pays for the attempt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Made = TypeVar("Made")


FORGOTTEN_AFTER = 60
"""Pauses after which nobody need know that an attempt failed: who comes then may wait again."""


class StillTrying(Exception):
    """It is not known yet what becomes of the attempt."""


class Attempts(Generic[Made]):
    """One attempt at a time for each name; usable from many threads.

    Who needs what is made waits for the attempt, but no longer than for a ballot; and not at all
    where the last attempt failed, for this one may as well.
    """

    def __init__(self, patience_s: float, pause_s: float) -> None:
        """``pause_s`` lie between a failure and the next attempt."""
        self.patience_s = patience_s
        self.pause_s = pause_s
        self._lock = threading.Lock()
        self._going: dict[str, Future[Made]] = {}
        self._failed: dict[str, tuple[float, Exception]] = {}

    def wait_for(self, name: str, make: Callable[[], Made]) -> Made:
        """What ``make`` makes. Raises what it raises, and :class:`StillTrying`."""
        attempt, failed = self._begun(name, make)
        try:
            return attempt.result(0 if failed else self.patience_s)
        except TimeoutError as error:
            if attempt.done():
                raise  # its own
            raise StillTrying(name) from error

    def begin(self, name: str, make: Callable[[], Made]) -> None:
        """Begins an attempt, unless one is going on or has just failed; waits for nothing."""
        self._begun(name, make)

    def _begun(self, name: str, make: Callable[[], Made]) -> tuple[Future[Made], bool]:
        """The attempt that is going on, and whether the one before it failed."""
        with self._lock:
            going = self._going.get(name)
            failed_at, error = self._failed.get(name, (None, None))
            if going is None:
                going = Future()
                if error is not None and time.monotonic() < (failed_at or 0.0) + self.pause_s:
                    going.set_exception(error)
                    return going, True
                self._going[name] = going
                thread = threading.Thread(target=self._make, args=(name, make), daemon=True)
                thread.start()
            return going, error is not None

    def _make(self, name: str, make: Callable[[], Made]) -> None:
        try:
            made = make()
        except Exception as error:
            self._end(name, error).set_exception(error)
        else:
            self._end(name, None).set_result(made)

    def _end(self, name: str, error: Exception | None) -> Future[Made]:
        with self._lock:
            now = time.monotonic()
            # Names come with requests, and there may be any number of them.
            remembered = FORGOTTEN_AFTER * self.pause_s
            self._failed = {
                other: failed
                for other, failed in self._failed.items()
                if other != name and now < failed[0] + remembered
            }
            if error is not None:
                self._failed[name] = (now, error)
            return self._going.pop(name)
