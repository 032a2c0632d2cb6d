"""The clock, passed in and never read from a global.

It can be moved in demo and tests only: there the offset is a small file, so that every
process of an instance, started before or after the move, shares one time.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from services.chassis.errors import Refusal


class Clock(Protocol):
    """Tells what time it is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class MovableClock:
    """The machine's clock plus an offset kept in a file; it only moves forward once set.

    Raises ``Refusal("clock_backwards")`` when moved to before what it shows: states that were
    reached can't be taken back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[tuple[int, int], timedelta] | None = None

    def now(self) -> datetime:
        """The present instant, moved by the file's offset."""
        return datetime.now(UTC) + self._offset()

    def move_to(self, instant: datetime) -> datetime:
        """Shows ``instant`` from now on; the first move may go anywhere."""
        if self.path.exists() and instant < self.now():
            raise Refusal(
                "clock_backwards",
                "L’horloge de démonstration ne recule pas.",
                f"Elle montre {self.now().isoformat()}.",
                now=self.now().isoformat(),
            )
        return self._write(instant - datetime.now(UTC))

    def move_by(self, step: timedelta) -> datetime:
        """Moves the clock forward by ``step``."""
        return self.move_to(self.now() + step)

    def _offset(self) -> timedelta:
        try:
            found = self.path.stat()
            # Each move is a new file: who asks for the time with each request looks at it only.
            file = (found.st_ino, found.st_mtime_ns)
            if self._read is None or self._read[0] != file:
                self._read = file, timedelta(seconds=float(self.path.read_text()))
            return self._read[1]
        except FileNotFoundError:
            return timedelta()

    def _write(self, offset: timedelta) -> datetime:
        # Written beside and renamed: another process never reads half a number.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(f".{os.getpid()}")
        beside.write_text(f"{offset.total_seconds():.6f}")
        beside.replace(self.path)
        return self.now()


class SetClock:
    """A clock that shows what it was set to, for tests in one process."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.instant

    def move_to(self, instant: datetime) -> datetime:
        """Shows ``instant`` from now on."""
        self.instant = instant
        return instant

    def move_by(self, step: timedelta) -> datetime:
        """Moves the clock forward by ``step``."""
        return self.move_to(self.instant + step)
