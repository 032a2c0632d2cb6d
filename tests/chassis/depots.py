"""A depot in memory: what a courier is given, and what it did."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from services.chassis.courier import Destination, Outcome, Parcel


class AnyDepot:
    """Packages of an instance with these partners."""

    def __init__(self, *destinations: Destination) -> None:
        self.partners = list(destinations)
        self.left: dict[str, list[Parcel]] = {}
        self.taken: list[tuple[str, bytes]] = []
        self.outcomes: list[tuple[str, Outcome]] = []
        self.away = False
        self.broken_by: set[bytes] = set()
        self.lock = threading.Lock()

    def is_open(self) -> bool:
        return True

    def destinations(self) -> Sequence[Destination]:
        return list(self.partners)

    def waiting(self) -> Sequence[str]:
        with self.lock:
            return sorted(name for name, parcels in self.left.items() if parcels)

    def parcels(self, partner: str, most: int) -> Sequence[Parcel]:
        with self.lock:
            return self.left.get(partner, [])[:most]

    def settle(self, partner: str, outcome: Outcome) -> None:
        with self.lock:
            self.left[partner] = outcome.left(self.left[partner])
            self.outcomes.append((partner, outcome))

    def receive(self, raw: bytes, via: str) -> str:
        if self.away:
            raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))
        if raw in self.broken_by:
            raise KeyError("a bug of ours")
        self.taken.append((via, raw))
        return "accepted"

    def put(self, partner: str, *parcels: Parcel) -> None:
        with self.lock:
            self.left.setdefault(partner, []).extend(parcels)

    def of(self, partner: str) -> list[bytes]:
        return [raw for via, raw in self.taken if via == partner]
