"""One poll's ballots on their way to the broker: a batch at a time, each until it is confirmed.

While one batch is being confirmed the next gathers, and with many voters a moment longer: with
few nobody waits for others, with many a batch is worth its way. A batch that was not confirmed is
sent again, the same under the same number, for it may have arrived; those in it have been told
that it is not, and to vote again (only one vote counts).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from services.chassis.confirms import BROKER_ERRORS, NotConfirmed, Returned
from services.chassis.sealed import seal

log = structlog.get_logger()

MOST = 200
"""Ballots in a batch (DESIGN §6)."""

MANY = 4
"""Ballots in a batch after which the next ones are taken to come as fast."""

GATHER_S = 0.02
"""From one such batch to the next. Each costs the gateway, the broker's disk and voting nearly
the same, however many ballots are in it; a voter can't tell whether they waited for it."""

MOST_WAITING = 2000
"""Ballots that wait for their batch; who comes then is told at once to come back."""

PAUSE_S = 0.2
"""Between two attempts at a batch."""

ATTEMPTS = 3
"""After so many the lane is given up for another: what is wrong may be its own queue."""


class Sender(Protocol):
    """A way to the broker: ``services.chassis.streams.Lane``, the tests' own without one."""

    name: str

    def open(self) -> None:
        """Makes it; raises ``BROKER_ERRORS``."""
        ...

    def send(self, number: int, message: dict[str, Any]) -> None:
        """Returns once the broker has the message. Raises ``NotConfirmed``, ``Returned``."""
        ...

    def close(self) -> None:
        """Drops the connection."""
        ...


def _shut() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


@dataclass(eq=False)
class Ballot:
    """A ballot that waits for its batch to be confirmed."""

    tracker: str
    voter: str
    choice: str
    accepted: str
    domain: str
    network: str
    confirmed: bool | None = None
    """``None`` until it is known."""
    _gate: threading.Lock = field(default_factory=_shut, repr=False)

    def wait(self, patience_s: float) -> bool:
        """Waits until it is known whether it was confirmed; ``False`` if it was not by then.

        To be called once: behind it is a lock, which costs less than an event.
        """
        return self._gate.acquire(timeout=patience_s)

    def settle(self, confirmed: bool) -> None:
        """Says whether it was confirmed; what was said first holds."""
        if self.confirmed is None:
            self.confirmed = confirmed
            self._gate.release()


class Lane:
    """The ballots of one poll at one gateway, numbered batch by batch."""

    def __init__(self, poll: str, key: bytes, sender: Sender, patience_s: float) -> None:
        """``key`` seals the batches; a voter waits for ``patience_s`` seconds."""
        self.poll = poll
        self.key = key
        self.sender = sender
        self.patience_s = patience_s
        self.number = 0
        self.waiting: deque[Ballot] = deque()
        self.changed = threading.Condition()
        self.ending = False
        self.dead = False
        self.troubled = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="ballots")

    def open(self) -> None:
        """Makes the lane in the broker. Raises ``BROKER_ERRORS``, ``NotConfirmed``."""
        self.sender.open()
        self._send([])
        self._thread.start()

    def cast(self, ballot: Ballot) -> bool:
        """Whether the broker has confirmed the ballot, in the time that one waits for it."""
        with self.changed:
            if self.dead or self.ending or len(self.waiting) >= MOST_WAITING:
                return False
            # A batch is being tried again: nobody need wait for that to fail as well.
            if self.troubled:
                return False
            self.waiting.append(ballot)
            self.changed.notify()
        if not ballot.wait(self.patience_s):
            self._give_up(ballot)
        return bool(ballot.confirmed)

    def close(self) -> None:
        """Sends what waits, waiting no longer than one voter would, and drops the connection."""
        with self.changed:
            self.ending = True
            self.changed.notify()
        self._thread.join(self.patience_s)
        self._die()
        self.sender.close()

    def _run(self) -> None:
        try:
            while batch := self._gather():
                began = time.monotonic()
                self._deliver(batch)
                if len(batch) >= MANY and len(self.waiting) < MOST and not self.ending:
                    time.sleep(max(0.0, began + GATHER_S - time.monotonic()))
        finally:
            self._die()

    def _gather(self) -> list[Ballot]:
        """The next batch, once there is one; empty at the end."""
        with self.changed:
            while not self.waiting and not self.ending and not self.dead:
                self.changed.wait()
            # A batch that was given up may have arrived: no other may ever bear its number.
            if self.dead:
                return []
            return [self.waiting.popleft() for _ in range(min(MOST, len(self.waiting)))]

    def _give_up(self, ballot: Ballot) -> None:
        """One that nobody waits for any more is not sent, if it was not yet."""
        with self.changed, suppress(ValueError):
            self.waiting.remove(ballot)

    def _deliver(self, batch: list[Ballot]) -> None:
        """Sends a batch until it is confirmed, or the lane is closed or given up."""
        for _ in range(ATTEMPTS):
            try:
                self._send(batch)
            except Returned:
                log.info("lane_closed", lane=self.sender.name)
                break
            except (NotConfirmed, *BROKER_ERRORS) as error:
                log.warning("ballots_not_confirmed", ballots=len(batch), reason=str(error)[:200])
                self.troubled = True
                _settle(batch, confirmed=False)
                if self.ending:
                    break
                time.sleep(PAUSE_S)
            else:
                self.troubled = False
                return _settle(batch, confirmed=True)
        self.dead = True
        return _settle(batch, confirmed=False)

    def _send(self, batch: list[Ballot]) -> None:
        ballots = {
            "trackers": [ballot.tracker for ballot in batch],
            "voters": [ballot.voter for ballot in batch],
            "choices": [ballot.choice for ballot in batch],
            "accepted": [ballot.accepted for ballot in batch],
            "domains": [ballot.domain for ballot in batch],
            "networks": [ballot.network for ballot in batch],
        }
        sealed = seal(self.key, f"{self.sender.name}/{self.number}", ballots)
        named = {"poll": self.poll, "lane": self.sender.name, "number": self.number}
        self.sender.send(self.number, {**named, "sealed": sealed})
        self.number += 1

    def _die(self) -> None:
        with self.changed:
            self.dead = True
            left, self.waiting = list(self.waiting), deque()
            self.changed.notify()
        _settle(left, confirmed=False)


def _settle(batch: list[Ballot], confirmed: bool) -> None:
    for ballot in batch:
        ballot.settle(confirmed)
