"""nameko's part of the courier: green threads beside the doors, one for each thing that waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import eventlet
import structlog
from eventlet.event import Event
from eventlet.timeout import Timeout
from nameko.extensions import SharedExtension

from services.chassis import courier, metrics
from services.chassis.confirms import BROKER_ERRORS
from services.chassis.core import Core
from services.chassis.courier import AT_ONCE, RESTS_S, Carrier, Depot, Destination, Outcome
from services.chassis.courier_amqp import Inlet
from services.chassis.database import is_away

log = structlog.get_logger()

CLOSED_POLL_S = 2.0
"""How often an instance without partners looks whether it has some."""

LONGEST_S = 40.0
"""A partner's site that answers a byte at a time is not listened to for longer."""

STOP_S = 5.0


class Courier(SharedExtension):  # type: ignore[misc]  # nameko has no types
    """Hands packages over to partners and reads theirs, for a service that has a depot.

    Each partner has a green thread of its own while something is on its way to it: who is slow
    or away delays nobody else.
    """

    stopping = False
    depot: Depot

    def setup(self) -> None:
        self.core: Core = self.container.config["cores"][self.container.service_name]
        make: Callable[[Core], Depot] | None = self.container.service_cls.chassis.make_depot
        self.has_depot = make is not None
        if make is not None:
            self.depot = make(self.core)
        self.carriers: dict[Destination, Carrier] = {}
        self.busy: set[str] = set()
        self.failures: dict[str, int] = {}
        self.rested_at: dict[str, float] = {}
        self.read = Event()

    def start(self) -> None:
        if not self.has_depot:
            return
        self.container.spawn_managed_thread(self._carry_for_ever, identifier="packages out")
        if not self.core.settings.embedded:
            self.container.spawn_managed_thread(self._read_for_ever, identifier="packages in")

    def stop(self) -> None:
        self.stopping = True
        if not self.has_depot:
            return
        if not self.core.settings.embedded:
            with Timeout(STOP_S, False):
                self.read.wait()
        for carrier in self.carriers.values():
            carrier.close()

    # --- out ------------------------------------------------------------------------------

    def _carry_for_ever(self) -> None:
        while not self.stopping:
            pause = CLOSED_POLL_S
            try:
                pause = self._set_out()
            except Exception as error:
                self._complain("packages_not_looked_for", error)
            eventlet.sleep(pause)

    def _set_out(self) -> float:
        """Starts for each partner for whom something waits; answers when to look again."""
        if not self.depot.is_open():
            return CLOSED_POLL_S
        waiting = [name for name in self.depot.waiting() if self._may_go(name)]
        if waiting:
            known = {one.name: one for one in self.depot.destinations()}
            for name in waiting:
                if name in known:
                    self.busy.add(name)
                    run = partial(self._carry, known[name])
                    self.container.spawn_managed_thread(run, identifier=f"packages for {name}")
        return self.core.settings.courier_poll_s

    def _may_go(self, partner: str) -> bool:
        return partner not in self.busy and time.monotonic() >= self.rested_at.get(partner, 0.0)

    def _carry(self, to: Destination) -> None:
        try:
            while not self.stopping and self._carry_a_lot(to):
                pass
        except Exception as error:
            self._rest(to.name, None)
            self._complain("packages_not_carried", error, partner=to.name)
        finally:
            self.busy.discard(to.name)

    def _carry_a_lot(self, to: Destination) -> bool:
        """Hands some packages over; answers whether to go on at once."""
        parcels = self.depot.parcels(to.name, AT_ONCE)
        if not parcels:
            return False
        carrier = self._carrier(to)
        outcome = Outcome()
        with Timeout(LONGEST_S, False):
            carrier.hand_over(parcels, outcome)
        left = outcome.left(parcels)
        if left and outcome.failed is None:
            carrier.close()
            outcome.failed = (left[0].id, "no answer in time")
        self.depot.settle(to.name, outcome)
        metrics.carried(to.name, len(outcome.taken), outcome.failed is not None)
        return self._goes_on(to, outcome)

    def _goes_on(self, to: Destination, outcome: Outcome) -> bool:
        if outcome.failed is None:
            self.failures.pop(to.name, None)
            return True
        self._rest(to.name, outcome.rest_s)
        log.warning("package_not_handed_over", partner=to.name, reason=outcome.failed[1])
        return False

    def _carrier(self, to: Destination) -> Carrier:
        if to not in self.carriers:
            for other in [one for one in self.carriers if one.name == to.name]:
                self.carriers.pop(other).close()
            self.carriers[to] = courier.carrier_of(self.core.settings, to)
        return self.carriers[to]

    def _rest(self, partner: str, asked_s: float | None) -> None:
        number = self.failures[partner] = self.failures.get(partner, 0) + 1
        usual = RESTS_S[min(number, len(RESTS_S)) - 1]
        self.rested_at[partner] = time.monotonic() + (usual if asked_s is None else asked_s)

    # --- in -------------------------------------------------------------------------------

    def _read_for_ever(self) -> None:
        inlet = Inlet(self.core.settings, self.core.name, self.depot)
        while not self.stopping:
            try:
                if self.depot.is_open():
                    inlet.step()
                    continue
            except BROKER_ERRORS as error:
                log.warning("packages_not_read", service=self.core.name, error=repr(error))
            except Exception as error:
                self._complain("packages_not_read", error)
            inlet.close()
            eventlet.sleep(1.0)
        inlet.close()
        self.read.send(None)

    def _complain(self, event: str, error: Exception, **more: Any) -> None:
        # Not the error's own words: they may hold what somebody sent.
        say = log.warning if is_away(error) else log.error
        say(event, service=self.core.name, error=type(error).__name__, **more)
