"""Named points at which a test can kill the process, in the terms of the code itself.

``MARATHON_CRASH_AT`` lists places as ``service@point:event_type``, separated by commas; at each
the kill happens once (the folder ``MARATHON_CRASH_MARKER`` remembers it), so that the restarted
process goes on. Points:

- ``said.committed``: what says the event is committed (a command, a reaction, a phase that
  fell due), and not published yet
- ``outbox.published``: the broker has confirmed, the outbox row is not marked yet
- ``event.received``: an event arrived, its transaction has not begun
- ``event.handled``: its effects are written, not committed
- ``event.committed``: committed, not yet acknowledged to the broker
- ``package.taken``: a partner's package is committed, not yet acknowledged; of this one the part
  after the colon is the verdict
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from services.chassis.config import Settings

POINTS = (
    "said.committed",
    "outbox.published",
    "event.received",
    "event.handled",
    "event.committed",
)
"""Of an event; of a stream's messages there are two more, "batch.received" and
"batch.committed"."""


def crash_point(settings: Settings, service: str, point: str, event_type: str = "") -> None:
    """Kills this process with SIGKILL if it was told to die here and has not yet."""
    if not settings.crash_at or settings.crash_marker is None:
        return
    place = f"{service}@{point}:{event_type}"
    if place in settings.crash_at.split(",") and _first_time(settings.crash_marker, place):
        os.kill(os.getpid(), signal.SIGKILL)


def _first_time(folder: Path, place: str) -> bool:
    # One file a place, made exclusively: of two replicas one dies.
    try:
        os.close(os.open(folder / place, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
