"""What runs beside the doors: the outbox's publisher, and the service's own chores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import eventlet
import structlog
from eventlet.event import Event
from eventlet.timeout import Timeout
from nameko.extensions import SharedExtension

from services.chassis import idempotency
from services.chassis.confirms import NotConfirmed
from services.chassis.core import Core
from services.chassis.database import Database, is_away
from services.chassis.publishing import Publisher

log = structlog.get_logger()

LONGEST_PAUSE_S = 5.0


class Housekeeper(SharedExtension):  # type: ignore[misc]  # nameko has no types
    """Publishes as soon as something is committed, and looks now and then all the same."""

    stopping = False

    def setup(self) -> None:
        self.core: Core = self.container.config["cores"][self.container.service_name]
        self.publisher = Publisher(self.core)
        self.nudged = Event()
        self.core.on_commit = self.nudge

    def start(self) -> None:
        self.container.spawn_managed_thread(self._publish_for_ever, identifier="outbox")
        self.container.spawn_managed_thread(self._do_chores_for_ever, identifier="chores")

    def stop(self) -> None:
        self.stopping = True
        self.nudge()
        self._flush()
        self.publisher.close()

    def nudge(self) -> None:
        """Says that something was committed."""
        if not self.nudged.ready():
            self.nudged.send(None)

    def _publish_for_ever(self) -> None:
        pause = self.core.settings.outbox_poll_s
        while not self.stopping:
            self._wait(pause)
            fine = self._flush()
            usual = self.core.settings.outbox_poll_s
            # A broker that is away is asked less and less often, but never given up.
            pause = usual if fine else min(pause * 2, LONGEST_PAUSE_S)

    def _do_chores_for_ever(self) -> None:
        chassis = self.container.service_cls.chassis
        chores = [partial(_chore, run) for run in (idempotency.purge, *chassis.chores)]
        while not self.stopping:
            eventlet.sleep(self.core.settings.chore_s)
            for chore in (*chores, *chassis.upkeep):
                self._do(chore)

    def _do(self, chore: Callable[[Core], Any]) -> None:
        try:
            chore(self.core)
        except Exception as error:
            # It is due still, and will be tried again.
            log.warning("chore_failed", service=self.core.name, error=type(error).__name__)

    def _wait(self, pause: float) -> None:
        with Timeout(pause, False):
            self.nudged.wait()
        if self.nudged.ready():
            self.nudged = Event()

    def _flush(self) -> bool:
        try:
            while self.publisher.flush():
                pass
        except NotConfirmed as failure:
            log.warning("events_not_confirmed", service=self.core.name, reason=str(failure))
            return False
        except Exception as error:
            if not is_away(error):
                log.exception("outbox_failed", service=self.core.name)
            return False
        return True


def _chore(run: Callable[[Database, datetime], Any], core: Core) -> Any:
    return run(core.database, core.clock.now())
