"""Casting without asking voting: what is certainly right goes to the broker in a batch.

Everything else is asked of voting as any other request: paper codes, ballots under an
idempotency key, and whatever a gateway would have to refuse, for voting knows the reason.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any, Unpack

from gateway.asking import Caller, Request
from gateway.intake.attempts import Attempts, StillTrying
from gateway.intake.known import FRESH_S, KEPT_S, Known
from gateway.intake.lane import Ballot, Lane, Sender
from gateway.languages import N_
from services.chassis.actor import How
from services.chassis.clock import Clock
from services.chassis.confirms import BROKER_ERRORS, NotConfirmed
from services.chassis.errors import Refusal, Unavailable
from services.chassis.networks import network_of

TRACKER_BYTES = 16  # RULES V5
KEY_BYTES = 16

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
        self._names: dict[str, str] = {}
        """Of lanes that are not open yet, by poll."""
        self._learning: Attempts[Known | None] = Attempts(patience_s, PAUSE_S)
        self._opening: Attempts[Lane] = Attempts(patience_s, PAUSE_S)

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
        self._forget_the_old()
        if (service, door) != ("voting", "cast"):
            return self.caller.exchange(service, door, request, **how)
        mine = (request or {}).get("pass") and how.get("key") is None
        receipt = self.take(request or {}) if mine else None
        if receipt:
            return {"ok": receipt}
        # Under a key: done again by another replica, where the first one died before its
        # answer, it is the same ballot, and a paper code has not been used.
        how["key"] = how.get("key") or secrets.token_hex(KEY_BYTES)
        try:
            return self.caller.exchange(service, door, request, **how)
        except Unavailable as error:
            raise not_confirmed() from error

    def take(self, request: Request) -> Request | None:
        """The receipt of a ballot with a pass, as :meth:`call` would answer it; ``None`` of what
        voting has to be asked. Raises ``Refusal``, as :meth:`exchange` does."""
        try:
            return self._cast(request)
        except (Unavailable, StillTrying) as error:
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

        Raises ``Unavailable``, :class:`StillTrying`.
        """
        known = self._known.get(poll)
        if known is None or known.age > KEPT_S:
            return self._learning.wait_for(poll, lambda: self._learn(poll))
        if known.age > FRESH_S:
            self._learning.begin(poll, lambda: self._learn(poll))
        return known

    def _learn(self, poll: str) -> Known | None:
        """Asks voting; what voting refuses is forgotten. Raises ``Unavailable``."""
        asked_at = time.monotonic()
        try:
            lent = self.caller.call("voting", "lend_poll", {"poll": poll})
        except Unavailable:
            raise
        except Refusal:
            self._forget(poll)
            return None
        self._known[poll] = Known.of(lent, asked_at)
        return self._known[poll]

    def _forget_the_old(self) -> None:
        """Forgets the polls that are over by all that is known: of one of which nobody asks for
        anything any more, voting would never tell."""
        for known in list(self._known.values()):
            if known.age > KEPT_S and self.clock.now() >= known.closes_at:
                self._forget(known.poll)

    def _forget(self, poll: str) -> None:
        """Keeps no key of a poll that is over: with it the link of voter and choice is to end."""
        self._known.pop(poll, None)
        lane = self._lanes.pop(poll, None)
        if lane is not None:
            lane.close()

    def _lane_of(self, known: Known) -> Lane:
        """The lane, opened for its first ballot. Raises ``Refusal``, :class:`StillTrying`."""
        lane = self._lanes.get(known.poll)
        if lane is not None and not lane.dead:
            return lane
        return self._opening.wait_for(known.poll, lambda: self._opened(known))

    def _opened(self, known: Known) -> Lane:
        lane = self._lanes.get(known.poll)
        if lane is not None and not lane.dead:
            return lane
        if lane is not None:
            lane.close()
        lane = self._lanes[known.poll] = self._open_lane(known)
        return lane

    def _open_lane(self, known: Known) -> Lane:
        # Until voting knows of it a lane may be made again: a broker that refuses its first
        # message would keep an empty queue of each attempt.
        sender = self.make_sender(self._names.setdefault(known.poll, uuid.uuid4().hex))
        lane = Lane(known.poll, known.batch_key, sender, self.patience_s)
        try:
            lane.open()
        except (NotConfirmed, *BROKER_ERRORS) as error:
            sender.close()
            raise not_confirmed() from error
        del self._names[known.poll]
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
