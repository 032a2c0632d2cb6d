"""A partner that signs with its own, valid key, and keeps to no rule."""

from __future__ import annotations

import copy
import itertools
from datetime import datetime
from typing import Any

from services.registration.partners import bodies, handing, keys
from services.registration.partners.package import Package, sign
from services.registration.tables import Grant
from tests.registration.partners.stage import CYCLE, Instance, Partners, key_of

SETTINGS = {
    "who_may_vote": "everyone",
    "elsewhere_may_vote": True,
    "tie_rule": "shared",
    "hold_days": 0,
}
DIGEST = "ab" * 32
TEMPLATES = {"settings": SETTINGS}


class Hostile:
    """What a hostile partner can make; its real instance may go on beside it."""

    def __init__(self, partners: Partners, name: str) -> None:
        self.partners = partners
        self.name = name
        self.numbers = itertools.count(1)

    @property
    def leg(self) -> int:
        """Its first leg."""
        return self.partners.operators.index(self.name) + 1

    @property
    def now(self) -> datetime:
        return self.partners.now

    def signed(
        self,
        kind: str,
        at: tuple[int, int],
        to: str,
        values: dict[str, Any],
        sender: str = "",
        key: keys.SigningKey | None = None,
    ) -> dict[str, Any]:
        """A package of any content, in anybody's name, under its own key."""
        package = Package(
            id=f"{self.name}-{next(self.numbers)}",
            kind=kind,
            cycle=CYCLE,
            term=at[0],
            hop=at[1],
            sender=sender or self.name,
            recipient=to,
            sent_at=self.now,
            body=bodies.dump(kind, values),
        )
        return sign(package, key or key_of(self.name))

    def previous(self, term: int, hop: int) -> str | None:
        """The id of a grant, as its own instance knows it."""

        def run(work: Any) -> str | None:
            grant = work.session.get(Grant, (CYCLE, term, hop))
            return grant.package if grant is not None else None

        found: str | None = self.instance.within(run)
        return found

    @property
    def instance(self) -> Instance:
        return self.partners[self.name]

    def over(self, leg: int, state: str = "closed") -> dict[str, Any]:
        """A leg that it says is over."""
        digest = DIGEST if state == "closed" else None
        marathon = {"marathon": f"{CYCLE}-{leg}", "leg": leg, "state": state}
        return {**marathon, "closed_at": self.now, "palmares_digest": digest}

    def grant(
        self,
        to_leg: int,
        at: tuple[int, int],
        *,
        from_leg: int | None = None,
        sender: str = "",
        **changes: Any,
    ) -> dict[str, Any]:
        """A grant, as if its leg were over."""
        source = from_leg or self.leg
        marathon = f"{CYCLE}-{to_leg}"
        name = handing.relay_id(CYCLE, *at, marathon)
        values = {
            "relay": f"{name}.1",
            "from_marathon": f"{CYCLE}-{source}",
            "to_marathon": marathon,
            "granted_at": self.now,
            "leg": self.over(source),
            "baton": {
                "leg": source,
                "palmares_digest": DIGEST,
                "chain": [],
                "templates": TEMPLATES,
            },
            "previous": self.previous(at[0], at[1] - 1),
            "reason": None,
            **changes,
        }
        operator = self.partners.operators[to_leg - 1]
        return self.signed("baton.grant", at, operator, values, sender)

    def offer(self, to_leg: int, at: tuple[int, int], **changes: Any) -> dict[str, Any]:
        """An offer, as if its leg were over."""
        marathon = f"{CYCLE}-{to_leg}"
        values = {
            "relay": f"{handing.relay_id(CYCLE, *at, marathon)}.1",
            "from_marathon": f"{CYCLE}-{self.leg}",
            "to_marathon": marathon,
            "deadline": None,
            "leg": self.over(self.leg),
            "templates": TEMPLATES,
            **changes,
        }
        return self.signed("baton.offer", at, self.partners.operators[to_leg - 1], values)

    def notice(self, to: str, **changes: Any) -> dict[str, Any]:
        """A notice that says nothing, or what is given."""
        values = {"legs": [], "chain": [], "asks": None, "answers": None, **changes}
        return self.signed("leg.notice", (0, 0), to, values)


def altered(document: dict[str, Any]) -> dict[str, Any]:
    """The same document with one letter of it changed."""
    changed = copy.deepcopy(document)
    changed["sent_at"] = (
        changed["sent_at"].replace("T", "T")[:-1] + "0Z"
        if ("." in changed["sent_at"])
        else changed["sent_at"][:-1] + ".5Z"
    )
    return changed
