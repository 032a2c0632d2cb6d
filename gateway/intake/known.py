"""What a gateway knows of a poll for a minute, so that it need not ask for each ballot."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.chassis import signed

KEPT_S = 60.0
"""No longer: that far ahead an earlier closing is set."""

FRESH_S = 10.0
"""After so long it is asked for again, and used meanwhile."""


@dataclass(frozen=True)
class Known:
    """A poll that takes ballots, as voting lent it."""

    poll: str
    pass_key: bytes = field(repr=False)
    batch_key: bytes = field(repr=False)
    closes_at: datetime
    candidates: frozenset[str]
    kept_out: frozenset[str] = field(repr=False)
    learned_at: float

    @staticmethod
    def of(lent: Mapping[str, Any], asked_at: float) -> Known:
        """What voting answered to who asked at ``asked_at``, on the monotonic clock."""
        return Known(
            poll=lent["poll"],
            pass_key=bytes.fromhex(lent["pass_key"]),
            batch_key=bytes.fromhex(lent["batch_key"]),
            closes_at=datetime.fromisoformat(lent["closes_at"]),
            candidates=frozenset(lent["candidates"]),
            kept_out=frozenset(lent["kept_out"]),
            learned_at=asked_at,
        )

    @property
    def age(self) -> float:
        """Since how many seconds it is known."""
        return time.monotonic() - self.learned_at

    def bearer(self, project: str, given: str, now: datetime) -> tuple[str, str] | None:
        """The voter key and the domain of who may vote for ``project`` with the pass ``given``.

        ``None`` of all others, whatever the reason: voting tells them.
        """
        if now >= self.closes_at or project not in self.candidates:
            return None
        claims = signed.read(self.pass_key, given)
        if claims is None or claims.get("poll") != self.poll or claims["voter"] in self.kept_out:
            return None
        return claims["voter"], claims.get("domain", "")
