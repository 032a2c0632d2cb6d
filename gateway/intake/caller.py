"""Casting without asking voting: what is certainly right goes to the broker in a batch.

Everything else is asked of voting as any other request: paper codes, ballots under an
idempotency key, and whatever a gateway would have to refuse, for voting knows the reason.
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Unpack

from gateway.asking import Caller, Request
from gateway.intake.known import FRESH_S, KEPT_S, Known
from gateway.intake.lane import Ballot, Lane, Sender
from gateway.languages import N_
from services.chassis.actor import How
from services.chassis.clock import Clock
from services.chassis.confirms import BROKER_ERRORS, NotConfirmed
from services.chassis.errors import Refusal, Unavailable
from services.chassis.networks import network_of

TRACKER_BYTES = 16  # RULES V5

TAKEN = frozenset({"poll", "project", "pass", "ip"})
"""What a ballot with a pass has: one that has more is none, as voting will say."""

PAUSE_S = 1.0
"""Between two attempts to open a lane, for each leaves a queue in a broker that does not confirm,
and to ask a voting that is away: meanwhile everybody is told at once."""

MakeSender = Callable[[str], Sender]


class BallotsInBatches:
    """Asks services; ballots with a pass it takes itself. Usable from many threads."""

    def __init__(
        self, caller: Caller, make_sender: MakeSender, clock: Clock, patience_s: float
    ) -> None:
        """``make_sender`` makes a way to the broker of a name; a voter waits ``patience_s``."""
        self.caller = caller
        self.make_sender = make_sender
        self.clock = clock
        self.patience_s = patience_s
        self._known: dict[str, Known] = {}
        self._lanes: dict[str, Lane] = {}
        self._asking: set[str] = set()
        self._learners: dict[str, threading.Lock] = {}
        self._opening = threading.Lock()
        self._closed, self._closed_until = False, 0.0
        self._away, self._away_until = False, 0.0

    def call(
        self, service: str, door: str, request: Request | None = None, **how: Unpack[How]
    ) -> Any:
        """As ``services.chassis.calls.Caller.call``."""
        return self.exchange(service, door, request, **how)["ok"]

    def exchange(
        self, service: str, door: str, request: Request | None = None, **how: Unpack[How]
    ) -> Request:
        """As ``services.chassis.calls.Caller.exchange``.

        Raises ``Refusal("ballot_not_confirmed")`` of a ballot that may or may not have arrived.
        """
        if (service, door) != ("voting", "cast") or not (request or {}).get("pass"):
            return self.caller.exchange(service, door, request, **how)
        try:
            receipt = self._cast(request or {}) if how.get("key") is None else None
            return (
                {"ok": receipt} if receipt else self.caller.exchange(service, door, request, **how)
            )
        except Unavailable as error:
            raise not_confirmed() from error

    def close(self) -> None:
        """Hands over what waits; to be called when no request is under way any more."""
        for lane in self._lanes.values():
            lane.close()

    def _cast(self, request: Request) -> dict[str, Any] | None:
        poll, project, given = (request.get(name) for name in ("poll", "project", "pass"))
        if not (isinstance(poll, str) and isinstance(project, str) and isinstance(given, str)):
            return None
        if request.keys() - TAKEN:
            return None
        known, now = self._known_of(poll), self.clock.now()
        bearer = known.bearer(project, given, now) if known else None
        if known is None or bearer is None:
            return None
        voter, domain = bearer
        ballot = Ballot(
            tracker=secrets.token_hex(TRACKER_BYTES),
            voter=voter,
            choice=project,
            accepted=now.isoformat(),
            domain=domain,
            network=network_of(known.pass_key, str(request.get("ip", ""))),
        )
        if not self._lane_of(known).cast(ballot):
            raise not_confirmed()
        return {"poll": poll, "receipt": ballot.tracker, "accepted_at": ballot.accepted}

    def _known_of(self, poll: str) -> Known | None:
        """What is known of a poll; ``None`` of one that takes no ballots, as far as one knows.

        Raises ``Unavailable``.
        """
        known = self._known.get(poll)
        if known is None or known.age > KEPT_S:
            return self._learn_once(poll)
        if known.age > FRESH_S and poll not in self._asking:
            with suppress(Unavailable):
                return self._learn(poll)
        return known

    def _learn_once(self, poll: str) -> Known | None:
        """One asks; who comes meanwhile waits for what is learned. Raises as ``_learn``."""
        lock = self._learners.setdefault(poll, threading.Lock())
        try:
            with self._alone(lock, wait=not self._away):
                known = self._known.get(poll)
                return known if known and known.age <= KEPT_S else self._learn(poll)
        finally:
            self._learners.pop(poll, None)

    @contextmanager
    def _alone(self, lock: threading.Lock, wait: bool) -> Iterator[None]:
        """Holds a lock, which others may hold who find out something. Who does not get it in a
        voter's time is told so; at once where the last attempt failed: this one may as well."""
        if not (lock.acquire(timeout=self.patience_s) if wait else lock.acquire(blocking=False)):
            raise not_confirmed()
        try:
            yield
        finally:
            lock.release()

    def _learn(self, poll: str) -> Known | None:
        """Asks voting; what voting refuses is forgotten. Raises ``Unavailable``."""
        if time.monotonic() < self._away_until:
            raise Unavailable("voting")
        self._asking.add(poll)
        asked_at = time.monotonic()
        try:
            lent = self.caller.call("voting", "lend_poll", {"poll": poll})
        except Unavailable:
            self._away, self._away_until = True, time.monotonic() + PAUSE_S
            raise
        except Refusal:
            self._away = False
            self._known.pop(poll, None)
            return None
        finally:
            self._asking.discard(poll)
        self._away = False
        self._known[poll] = Known.of(lent, asked_at)
        return self._known[poll]

    def _lane_of(self, known: Known) -> Lane:
        """The poll's lane, opened for its first ballot. Raises ``Refusal``."""
        lane = self._lanes.get(known.poll)
        if lane is not None and not lane.dead:
            return lane
        # One tries; the others wait for what becomes of it, and none tries after another.
        with self._alone(self._opening, wait=not self._closed):
            return self._opened(known)

    def _opened(self, known: Known) -> Lane:
        lane = self._lanes.get(known.poll)
        if lane is not None and not lane.dead:
            return lane
        if time.monotonic() < self._closed_until:
            raise not_confirmed()
        if lane is not None:
            lane.close()
        try:
            lane = self._lanes[known.poll] = self._open_lane(known)
        except BaseException:
            self._closed, self._closed_until = True, time.monotonic() + PAUSE_S
            raise
        self._closed = False
        return lane

    def _open_lane(self, known: Known) -> Lane:
        sender = self.make_sender(uuid.uuid4().hex)
        lane = Lane(known.poll, known.batch_key, sender, self.patience_s)
        try:
            lane.open()
        except (NotConfirmed, *BROKER_ERRORS) as error:
            sender.close()
            raise not_confirmed() from error
        try:
            # Only now does voting learn of it: a lane that was closed must never be made again.
            self.caller.call("voting", "open_lane", {"poll": known.poll, "lane": sender.name})
        except BaseException:
            lane.close()
            raise
        return lane


def not_confirmed() -> Refusal:
    """What a voter is told whose ballot may or may not have arrived."""
    return Refusal(
        "ballot_not_confirmed",
        N_("Your vote is not confirmed."),
        N_("Vote again: only one vote counts, even if the first one arrived."),
        503,
    )
