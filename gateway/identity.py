"""Who asks: a session cookie or a bearer token, looked up at registration.

The gateway keeps what registration said for at most 60 s, so a role that was taken away, or a
session that was ended elsewhere, is of no use after that (DESIGN §2).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.chassis.actor import Actor
from services.chassis.errors import Refusal, Unavailable

KEPT_S = 60.0
KEPT_MOST = 10_000
MACHINES_BEGIN = "mit_"  # how registration's tokens begin
# Whatever a service answers, nobody outside is the software itself ("system").
ROLES = frozenset({"organiser", "juror", "coach", "scrutineer", "operator"})


@dataclass(frozen=True)
class Credential:
    """What a request brought to say who sends it: a ``session`` or a machine's ``token``."""

    kind: str
    secret: str = field(repr=False)

    @staticmethod
    def of_bearer(secret: str) -> Credential:
        """A bearer's credential: a machine's token by its prefix, else a person's session."""
        return Credential("token" if secret.startswith(MACHINES_BEGIN) else "session", secret)

    @property
    def digest(self) -> str:
        """A name for it that tells nothing of it."""
        return hashlib.sha256(f"{self.kind}:{self.secret}".encode()).hexdigest()


@dataclass(frozen=True)
class Visitor:
    """Who sent a request; ``actor`` is nobody in particular when ``credential`` is None."""

    actor: Actor = field(default_factory=Actor)
    credential: Credential | None = None

    @property
    def known(self) -> bool:
        """Whether we know who this is."""
        return self.credential is not None

    @property
    def is_person(self) -> bool:
        """Whether a person is signed in, not a machine."""
        return self.actor.key is not None


ANONYMOUS = Visitor()


class Identity:
    """Looks credentials up at registration, and remembers the answers for a minute."""

    def __init__(self, caller: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._caller = caller
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Visitor]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, credential: Credential, correlation: str) -> Visitor:
        """Who this is. Raises ``Refusal`` (401) for a credential that is of no use (any more),
        ``Unavailable`` when registration can't be asked."""
        kept = self._recall(credential.digest)
        if kept is not None:
            return kept
        found = Visitor(self._ask(credential, correlation), credential)
        self._keep(credential.digest, found)
        return found

    def forget(self, credential: Credential) -> None:
        """Asks again next time: somebody signed out."""
        with self._lock:
            self._kept.pop(credential.digest, None)

    def forget_person(self, key: str) -> None:
        """Asks again for all credentials of a person: they signed out everywhere, or are gone."""
        with self._lock:
            theirs = [
                digest for digest, (_since, who) in self._kept.items() if who.actor.key == key
            ]
            for digest in theirs:
                del self._kept[digest]

    def forget_all(self) -> None:
        """Asks again for everybody."""
        with self._lock:
            self._kept.clear()

    def _ask(self, credential: Credential, correlation: str) -> Actor:
        request = {credential.kind: credential.secret}
        try:
            answer = self._caller.call("registration", "identify", request, correlation=correlation)
        except Unavailable:
            raise
        except Refusal as refusal:
            raise Refusal(
                refusal.code, refusal.message, refusal.hint, 401, **refusal.details
            ) from refusal
        return actor_of(answer)

    def _recall(self, digest: str) -> Visitor | None:
        with self._lock:
            since, visitor = self._kept.get(digest, (0.0, ANONYMOUS))
            if not visitor.known or self._clock() - since >= KEPT_S:
                self._kept.pop(digest, None)
                return None
            return visitor

    def _keep(self, digest: str, visitor: Visitor) -> None:
        with self._lock:
            self._kept[digest] = (self._clock(), visitor)
            self._kept.move_to_end(digest)
            while len(self._kept) > KEPT_MOST:
                self._kept.popitem(last=False)


def actor_of(answer: Mapping[str, Any]) -> Actor:
    """The actor that registration's ``identify`` describes."""
    roles = frozenset(
        (entry["role"], entry.get("marathon"))
        for entry in answer.get("roles", [])
        if entry["role"] in ROLES
    )
    return Actor(answer.get("key"), answer.get("name") or "", roles)
