"""Who asked, and how: the person and roles that the gateway found, as a service sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from services.chassis.errors import Forbidden


@dataclass(frozen=True)
class Actor:
    """Someone who asks; ``roles`` are (role, marathon), where no marathon means all of them."""

    key: str | None = None
    name: str = ""
    roles: frozenset[tuple[str, str | None]] = frozenset()

    def has(self, role: str, marathon: str | None) -> bool:
        """Whether the actor has ``role`` in ``marathon``."""
        return (role, None) in self.roles or (
            marathon is not None and (role, marathon) in self.roles
        )

    def must(self, role: str, marathon: str | None) -> None:
        """Raises :class:`Forbidden` unless the actor has ``role`` in ``marathon``."""
        if not self.has(role, marathon):
            raise Forbidden()

    def to_dict(self) -> dict[str, Any]:
        """As it travels in a call's headers."""
        roles = sorted(self.roles, key=lambda pair: (pair[0], pair[1] or ""))
        return {"key": self.key, "name": self.name, "roles": [list(pair) for pair in roles]}

    @staticmethod
    def from_dict(data: Mapping[str, Any] | None) -> Actor:
        """What :meth:`to_dict` made."""
        if not data:
            return Actor()
        roles = frozenset((role, marathon) for role, marathon in data.get("roles", []))
        return Actor(data.get("key"), data.get("name", ""), roles)

    @staticmethod
    def system() -> Actor:
        """The software itself: events and timers."""
        return Actor(None, "système", frozenset({("system", None), ("organiser", None)}))


class How(TypedDict, total=False):
    """What goes with a request: who asks, its idempotency key, how long the answer is of use
    (seconds), the tags of what the asker saw."""

    actor: Actor | None
    key: str | None
    correlation: str
    deadline_s: float
    if_match: tuple[str, ...] | None
