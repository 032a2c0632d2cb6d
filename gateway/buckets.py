"""How often somebody may ask: a bucket that fills again, in this process's own memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEPT = 10_000


class Buckets:
    """A bucket for each name, of ``burst`` tokens, into which ``per_s`` fall a second."""

    def __init__(self, burst: int, per_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self.burst, self.per_s, self.now = burst, per_s, now
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Takes a token: 0 if there was one, else after how many seconds there will be."""
        now = self.now()
        tokens, at = self._kept.pop(name, (float(self.burst), now))
        tokens = min(self.burst, tokens + (now - at) * self.per_s)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self.per_s
        self._kept[name] = (tokens - 1 if not wait else tokens, now)
        # Whoever asked longest ago has the fullest bucket: a new one is nearly the same.
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return wait
